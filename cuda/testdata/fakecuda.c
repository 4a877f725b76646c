// A CUDA driver library that computes nothing and fails on demand, for tests of the
// ABI: names and versions of functions, packing of arguments, codes, what is left alive.
//
// FAKECUDA is a list of failures, "cuStreamSynchronize=719,cuMemAllocAsync=2@3-7": the
// function returns the code, always or from its third call to its seventh ("@3" alone:
// from the third on). FAKECUDA_MEMORY is the memory of the device in bytes. Device memory
// is the host's, and copies are done at once. Handles that are used after they were given
// back, calls without a current context and calls of a function's oldest form, which
// takes 32-bit sizes, end the process.
//
// The types are those of cuda.h, written out so that no header is needed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t code;
typedef uint64_t ptr;
typedef struct object object;
struct object {
	int kind;
	size_t size;
	char *bytes;
	object *module; // of a function
	char name[64];
	int sizes[32], count; // of a function's parameters
};

enum { NONE, STREAM, EVENT, MODULE, FUNCTION, KINDS };
static const char *kinds[] = {"", "streams", "events", "modules", "functions"};
static int live[KINDS], contexts, blocks, pinned;
static size_t used;
static char context_;
static _Thread_local void *current;
static char last[4096];
static char locked;

static void lock(void) { while (__atomic_test_and_set(&locked, __ATOMIC_ACQUIRE)) ; }
static void unlock(void) { __atomic_clear(&locked, __ATOMIC_RELEASE); }

static size_t memory(void) {
	const char *bytes = getenv("FAKECUDA_MEMORY");
	return bytes && *bytes ? strtoull(bytes, NULL, 10) : 64 << 20;
}

// A list that takes the place of FAKECUDA from now on.
static const char *instead;
void fakecuda_set(const char *list) { instead = strdup(list); }

static code fails(const char *name, int *calls) {
	const char *list = instead ? instead : getenv("FAKECUDA");
	size_t n = strlen(name);
	++*calls;
	for (; list && *list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL) {
		if (strncmp(list, name, n) || list[n] != '=') continue;
		char *end;
		code c = strtol(list + n + 1, &end, 10);
		int from = 1, to = 1 << 30;
		if (*end == '@') {
			to = from = strtol(end + 1, &end, 10);
			to = *end == '-' ? strtol(end + 1, &end, 10) : 1 << 30;
		}
		if (*calls >= from && *calls <= to) return c;
	}
	return 0;
}
#define FAILS \
	static int calls; \
	code failure = fails(__func__, &calls); \
	if (failure) return failure
#define CURRENT \
	if (current != &context_) { \
		fprintf(stderr, "fakecuda: %s: no context is current on this thread\n", __func__); \
		abort(); \
	}

static object *make(int kind) {
	object *o = calloc(1, sizeof *o);
	o->kind = kind;
	__atomic_add_fetch(&live[kind], 1, __ATOMIC_SEQ_CST);
	return o;
}
static object *valid(void *p, int kind, const char *where) {
	object *o = p;
	if (!o || o->kind != kind) {
		fprintf(stderr, "fakecuda: %s: this is none of the live %s\n", where, kinds[kind]);
		abort();
	}
	return o;
}
#define VALID(p, kind) valid(p, kind, __func__)
static code drop(void *p, int kind, const char *where) {
	valid(p, kind, where)->kind = NONE;
	__atomic_sub_fetch(&live[kind], 1, __ATOMIC_SEQ_CST);
	return 0;
}

// What is alive, "" if nothing is.
const char *fakecuda_live(void) {
	static char text[256];
	text[0] = 0;
	for (int k = STREAM; k < FUNCTION; k++)
		if (live[k]) sprintf(text + strlen(text), "%d %s ", live[k], kinds[k]);
	if (blocks) sprintf(text + strlen(text), "%d blocks of memory ", blocks);
	if (pinned) sprintf(text + strlen(text), "%d blocks of pinned memory ", pinned);
	if (contexts) sprintf(text + strlen(text), "%d contexts", contexts);
	return text;
}

// The last launch: name, grid, block, shared memory, and the parameters in hexadecimal.
const char *fakecuda_last(void) { return last; }

code cuInit(unsigned flags) { FAILS; return flags ? 1 : 0; }
code cuDriverGetVersion(int *v) { FAILS; *v = 12040; return 0; }
code cuDeviceGetCount(int *n) { FAILS; *n = 1; return 0; }
code cuDeviceGet(int *d, int ordinal) { FAILS; *d = 7 + ordinal; return ordinal ? 101 : 0; }
code cuDeviceGetName(char *name, int room, int d) { FAILS; return snprintf(name, room, "Fake GPU %d", d), 0; }
code cuDeviceTotalMem_v2(size_t *n, int d) { FAILS; *n = memory(); return d == 7 ? 0 : 101; }
code cuDeviceGetAttribute(int *v, int what, int d) {
	FAILS;
	switch (what) {
	case 1: return *v = 1024, 0;
	case 8: return *v = 49152, 0;
	case 10: return *v = 32, 0;
	case 16: return *v = 5, 0;
	case 75: return *v = 8, 0;
	case 76: return *v = 6, 0;
	case 97: return *v = 101376, 0;
	case 115: return *v = 1, 0;
	}
	return 1;
}
code cuDevicePrimaryCtxRetain(void **c, int d) { FAILS; *c = &context_; contexts++; return 0; }
code cuDevicePrimaryCtxRelease_v2(int d) { FAILS; contexts--; return 0; }
code cuCtxSetCurrent(void *c) { FAILS; current = c; return 0; }

// A block is preceded by its size.
static code get(ptr *p, size_t n) {
	lock();
	int fits = n <= memory() - used;
	if (fits) used += n, blocks++;
	unlock();
	if (!fits) return 2;
	size_t *b = malloc(n + 256);
	b[0] = n, b[1] = 0xA11C;
	*p = (ptr)((char *)b + 256);
	return 0;
}
static code give(ptr p) {
	size_t *b = (size_t *)((char *)p - 256);
	if (b[1] != 0xA11C) {
		fprintf(stderr, "fakecuda: memory is freed that was not given\n");
		abort();
	}
	lock();
	used -= b[0], blocks--;
	unlock();
	b[1] = 0;
	free(b);
	return 0;
}
code cuMemFree_v2(ptr p) { FAILS; CURRENT; return give(p); }
code cuMemAllocAsync(ptr *p, size_t n, void *s) { FAILS; CURRENT; VALID(s, STREAM); return n ? get(p, n) : 1; }
code cuMemFreeAsync(ptr p, void *s) { FAILS; CURRENT; VALID(s, STREAM); return give(p); }
code cuMemHostAlloc(void **p, size_t n, unsigned flags) {
	FAILS;
	CURRENT;
	__atomic_add_fetch(&pinned, 1, __ATOMIC_SEQ_CST);
	return *p = malloc(n), 0;
}
code cuMemFreeHost(void *p) {
	FAILS;
	__atomic_sub_fetch(&pinned, 1, __ATOMIC_SEQ_CST);
	return free(p), 0;
}
code cuMemcpyHtoDAsync_v2(ptr to, const void *from, size_t n, void *s) { FAILS; CURRENT; VALID(s, STREAM); return memcpy((void *)to, from, n), 0; }
code cuMemcpyDtoHAsync_v2(void *to, ptr from, size_t n, void *s) { FAILS; CURRENT; VALID(s, STREAM); return memcpy(to, (void *)from, n), 0; }
code cuMemcpyDtoDAsync_v2(ptr to, ptr from, size_t n, void *s) { FAILS; CURRENT; VALID(s, STREAM); return memmove((void *)to, (void *)from, n), 0; }

code cuStreamCreate(void **s, unsigned flags) { FAILS; CURRENT; return *s = make(STREAM), 0; }
code cuStreamDestroy_v2(void *s) { FAILS; return drop(s, STREAM, __func__); }
code cuStreamSynchronize(void *s) { FAILS; CURRENT; VALID(s, STREAM); return 0; }
code cuEventCreate(void **e, unsigned flags) { FAILS; CURRENT; return *e = make(EVENT), 0; }
code cuEventDestroy_v2(void *e) { FAILS; return drop(e, EVENT, __func__); }
code cuEventRecord(void *e, void *s) { FAILS; CURRENT; VALID(e, EVENT); VALID(s, STREAM); return 0; }
code cuEventSynchronize(void *e) { FAILS; CURRENT; VALID(e, EVENT); return 0; }
code cuEventElapsedTime(float *ms, void *a, void *b) { FAILS; VALID(a, EVENT); VALID(b, EVENT); *ms = 1.5f; return 0; }

// A module keeps its text. Options are pairs of a number and a value.
code cuModuleLoadDataEx(void **m, const char *text, unsigned n, int *options, void **values) {
	static int calls;
	code failure = fails(__func__, &calls);
	CURRENT;
	if (failure) {
		char *log = NULL;
		size_t room = 0;
		for (unsigned i = 0; i < n; i++) {
			if (options[i] == 5) log = values[i];
			if (options[i] == 6) room = (size_t)values[i];
		}
		if (log) snprintf(log, room, "ptxas fake; line 9: error: this assembler accepts nothing");
		return failure;
	}
	object *o = make(MODULE);
	o->bytes = strdup(text), o->size = strlen(text);
	return *m = o, 0;
}
code cuModuleGetFunction(void **f, void *m, const char *name) {
	FAILS;
	object *mod = VALID(m, MODULE);
	char entry[128];
	snprintf(entry, sizeof entry, ".entry %s(", name);
	const char *at = strstr(mod->bytes, entry);
	if (!at) return 500;
	object *o = make(FUNCTION);
	o->module = mod;
	snprintf(o->name, sizeof o->name, "%s", name);
	const char *end = strchr(at, '{');
	while ((at = strstr(at, ".param ")) && at < end) {
		at += 7;
		const char *size = strchr(at, '['), *line = strpbrk(at, ",\n");
		o->sizes[o->count++] = size && size < line ? atoi(size + 1) : 8;
	}
	return *f = o, 0;
}
code cuModuleUnload(void *m) {
	FAILS;
	object *o = VALID(m, MODULE);
	free(o->bytes);
	return drop(m, MODULE, __func__);
}
code cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *s, void **params, void **extra) {
	FAILS;
	CURRENT;
	VALID(s, STREAM);
	object *o = VALID(f, FUNCTION);
	valid(o->module, MODULE, __func__);
	if (extra) return 1;
	lock();
	int n = sprintf(last, "%s %u,%u,%u %u,%u,%u %u", o->name, gx, gy, gz, bx, by, bz, shared);
	for (int i = 0; i < o->count; i++) {
		last[n++] = ' ';
		for (int k = 0; k < o->sizes[i]; k++) n += sprintf(last + n, "%02x", ((unsigned char *)params[i])[k]);
	}
	unlock();
	return 0;
}

// The oldest forms.
#define OLD(name) \
	code name(void) { \
		fprintf(stderr, "fakecuda: %s is not what a program of today calls\n", #name); \
		abort(); \
	}
OLD(cuMemFree) OLD(cuDeviceTotalMem) OLD(cuMemcpyHtoDAsync) OLD(cuMemcpyDtoHAsync) OLD(cuMemcpyDtoDAsync)
OLD(cuStreamDestroy) OLD(cuEventDestroy) OLD(cuDevicePrimaryCtxRelease)
