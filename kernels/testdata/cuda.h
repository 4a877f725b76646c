// What NVRTC declares by itself, for a compiler that has no CUDA headers.
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __forceinline__ __attribute__((always_inline)) inline
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
struct index3 { unsigned int x, y, z; };
extern __device__ const index3 blockIdx, threadIdx, blockDim;
extern "C" {
__device__ unsigned int __umulhi(unsigned int, unsigned int);
__device__ unsigned long long __umul64hi(unsigned long long, unsigned long long);
__device__ float __fadd_rn(float, float);
__device__ float __fmul_rn(float, float);
__device__ unsigned int __float_as_uint(float);
__device__ float __uint_as_float(unsigned int);
__device__ float __int_as_float(int);
}
#define UNARY(name) __device__ float name(float); __device__ double name(double);
#define BINARY(name) __device__ float name(float, float); __device__ double name(double, double);
UNARY(exp) UNARY(exp2) UNARY(expm1) UNARY(log) UNARY(log2) UNARY(log1p) UNARY(sin) UNARY(cos) UNARY(tanh) UNARY(erf)
UNARY(tan) UNARY(asin) UNARY(acos) UNARY(atan) UNARY(sinh) UNARY(cosh) UNARY(asinh) UNARY(acosh) UNARY(atanh)
UNARY(sqrt) UNARY(rsqrt) UNARY(fabs) UNARY(floor) UNARY(ceil) UNARY(trunc) UNARY(rint)
BINARY(fmod) BINARY(copysign) BINARY(pow) BINARY(atan2)
__device__ float fma(float, float, float);
__device__ double fma(double, double, double);
__device__ int min(int, int);
__device__ int max(int, int);
