package kernels

import (
	_ "embed"
	"fmt"
	"strings"
)

var (
	//go:embed prelude/common.h
	common string
	//go:embed prelude/opencl.h
	openclPrelude string
	//go:embed prelude/cuda.h
	cudaPrelude string
	//go:embed prelude/emulate.h
	emulatePrelude string
)

var dialects = [...]*dialect{
	OpenCL: {
		prelude: openclPrelude,
		entry: func(s *source) string {
			return fmt.Sprintf("__kernel __attribute__((reqd_work_group_size(%d, %d, %d)))\nvoid %s(%s)\n",
				s.group[0], s.group[1], s.group[2], s.name, parameters(s, "__global %s*%s", "__global const %s*%s"))
		},
		local: func(ctype, name, length string) string {
			return fmt.Sprintf("\t__local %s %s[%s];\n", ctype, name, length)
		},
	},
	CUDA: {
		prelude: cudaPrelude,
		entry: func(s *source) string {
			return fmt.Sprintf("extern \"C\" __global__ void __launch_bounds__(%d)\n%s(%s)\n",
				s.group[0]*s.group[1]*s.group[2], s.name, parameters(s, "%s*%s", "const %s*%s"))
		},
		local: func(ctype, name, length string) string {
			return fmt.Sprintf("\t__shared__ %s %s[%s];\n", ctype, name, length)
		},
	},
	CPlus: {
		prelude: emulatePrelude,
		host:    emulated,
		entry: func(s *source) string {
			return fmt.Sprintf("static void %s_body(%s)\n", s.name, parameters(s, "Memory<%s> %s", "Memory<const %s> %s"))
		},
		local: func(ctype, name, length string) string {
			return fmt.Sprintf("\tSHARED(%s, %s, %s);\n", ctype, name, length)
		},
	},
}

// parameters lists a kernel's parameters, buffers in the given forms.
func parameters(s *source, out, in string) string {
	var list []string
	for _, b := range s.buffers {
		form, name := in, b.name
		if b.out {
			form = out
		}
		list = append(list, fmt.Sprintf(form, b.pointee(s.class)+" ", name))
	}
	return strings.Join(append(list, "Values V"), ", ")
}

// emulated declares the body and writes the function that runs it for every item.
func emulated(s *source) string {
	var args []string
	for i, b := range s.buffers {
		t := b.pointee(s.class)
		if !b.out {
			t = "const " + t
		}
		args = append(args, fmt.Sprintf("Memory<%s>(buffers[%d], sizes[%d])", t, i, i))
	}
	args = append(args, "*values")
	params := parameters(s, "Memory<%s> %s", "Memory<const %s> %s")
	return fmt.Sprintf(`static void %[1]s_body(%[2]s);
static char **buffers;
static long *sizes;
static Values *values;
static void one() { %[1]s_body(%[3]s); }
extern "C" const char *run(int *groups, char **b, long *n, Values *v) {
	buffers = b, sizes = n, values = v, body_ = one, trouble_[0] = 0;
	size_[0] = GROUP0, size_[1] = GROUP1, size_[2] = GROUP2;
	memcpy(count_, groups, sizeof count_);
	for (grp_[2] = 0; grp_[2] < count_[2]; grp_[2]++)
		for (grp_[1] = 0; grp_[1] < count_[1]; grp_[1]++)
			for (grp_[0] = 0; grp_[0] < count_[0]; grp_[0]++)
				group(%[4]t, (grp_[0] + grp_[1] + grp_[2]) %% 2);
	return trouble_;
}
`, s.name, params, strings.Join(args, ", "), len(s.locals) > 0 || strings.Contains(s.body, "BARRIER"))
}
