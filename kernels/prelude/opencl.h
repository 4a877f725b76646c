// OpenCL C 1.2.
#pragma OPENCL FP_CONTRACT OFF
#ifdef REAL_IS_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#define DEVICE
#define CONST_BYTES __global const uchar *
#define BYTES __global uchar *
#define AT(p, i) p[i]
#define PICK(t, p, i) (((__global const t *)(p))[i])
#define PUT(t, p, i, v) (((__global t *)(p))[i] = (v))
#define GRP(d) ((int)get_group_id(d))
#define LID(d) ((int)get_local_id(d))
#define GID(d) ((int)get_global_id(d))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
// GLOBAL_BARRIER also shows a group what its items have written to buffers.
#define GLOBAL_BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define FMA(a, b, c) fma(a, b, c)
#define FLOAT_BITS(f) as_uint(f)
#define BITS_FLOAT(u) as_float(u)
#define MULHI(a, b) mul_hi(a, b)
#define MULHI64(a, b) mul_hi(a, b)
// Sums and products of float that are rounded, and not fused.
#define PLUS32(a, b) ((a) + (b))
#define TIMES32(a, b) ((a) * (b))
