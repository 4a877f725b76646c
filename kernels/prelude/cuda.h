// CUDA C, without the toolkit's headers.
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long long ulong;
#define long long long
#define DEVICE static __device__ __forceinline__
#define CONST_BYTES const uchar *
#define BYTES uchar *
#define AT(p, i) p[i]
#define PICK(t, p, i) (((const t *)(p))[i])
#define PUT(t, p, i, v) (((t *)(p))[i] = (v))
#define GRP(d) ((int)(d == 0 ? blockIdx.x : d == 1 ? blockIdx.y : blockIdx.z))
#define LID(d) ((int)(d == 0 ? threadIdx.x : d == 1 ? threadIdx.y : threadIdx.z))
#define GID(d) (GRP(d) * (int)(d == 0 ? blockDim.x : d == 1 ? blockDim.y : blockDim.z) + LID(d))
#define BARRIER() __syncthreads()
#define GLOBAL_BARRIER() __syncthreads()
#define FMA(a, b, c) fma(a, b, c)
#define FLOAT_BITS(f) __float_as_uint(f)
#define BITS_FLOAT(u) __uint_as_float(u)
#define MULHI(a, b) __umulhi(a, b)
#define MULHI64(a, b) __umul64hi(a, b)
#define PLUS32(a, b) __fadd_rn(a, b)
#define TIMES32(a, b) __fmul_rn(a, b)
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#endif
