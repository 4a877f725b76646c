// Package dtype defines the element types of arrays and how a value of one
// becomes a value of another.
//
// The parts are [Type], the name of an element type at run time; [Element], the
// Go types that have one ([Of], [Slice] and [Bytes] go between Go slices and raw
// bytes); the reduced-precision floats [Float16], [BFloat16], [Float8E4M3] and
// [Float8E5M2]; [Load] and [Store], one element at a time; [Convert], a whole
// buffer; and [Promote], the type that can hold two others.
//
// # Conversion
//
// The rules are the same on every platform and in every backend:
//
//	to a float       rounded once, to nearest, ties to even; overflow gives an
//	                 infinity (NaN in f8e4m3, which has none); NaN stays NaN
//	float to int     truncated towards zero; out of range saturates; NaN gives 0
//	int to int       wraps modulo two to the width of the result
//	anything to bool x != 0, so NaN is true
//	bool to anything 0 or 1; any non-zero byte counts as true
//
// # Promotion
//
// Bool is below the integers, which are below the floats. The rule is PyTorch's: an
// integer beside a float becomes that float, however many digits it has (NumPy would
// take f64 for i32 and f32), and two integers meet in the narrowest type that holds both.
// Where PyTorch has no rule, u64 beside a signed integer and two 8-bit floats, it
// is NumPy's f64, which rounds beyond 2^53, and f16:
//
//	      i8   i16  i32  i64  u8   u16  u32  u64
//	i8    i8   i16  i32  i64  i16  i32  i64  f64
//	i16        i16  i32  i64  i16  i32  i64  f64
//	i32             i32  i64  i32  i32  i64  f64
//	i64                  i64  i64  i64  i64  f64
//	u8                        u8   u16  u32  u64
//	u16                            u16  u32  u64
//	u32                                 u32  u64
//	u64                                      u64
//
//	        f8e4m3  f8e5m2  f16   bf16  f32  f64
//	f8e4m3  f8e4m3  f16     f16   bf16  f32  f64
//	f8e5m2          f8e5m2  f16   bf16  f32  f64
//	f16                     f16   f32   f32  f64
//	bf16                          bf16  f32  f64
//	f32                                 f32  f64
//	f64                                      f64
//
// Promote takes any number of types and does not depend on their order: it is the
// table for the widest float, or, without floats, for the widest signed and the
// widest unsigned integer.
//
// # Failure
//
// Names and types that come from outside give errors ([Parse], [Promote]).
// Buffers whose length does not fit their type are a mistake of the caller and
// panic with a message that gives both.
package dtype
