// What every dialect shares. real is the type that a kernel computes in.
#define GET(b, i) GET_##b(i)
#define SET(b, i, v) SET_##b(i, v)
#define R(v) ((real)(v))
#if defined(REAL_IS_DOUBLE)
typedef double real;
#elif defined(REAL_IS_LONG)
typedef long real;
#else
typedef float real;
#endif

// Element types as numbers.
#ifdef REAL_IS_LONG
DEVICE int bits_of(int t) {
	return t == T_I64 || t == T_U64 ? 64 : t == T_I32 || t == T_U32 ? 32 : t == T_I16 || t == T_U16 ? 16 : 8;
}
DEVICE int is_unsigned(int t) { return t >= T_U64; }
// int_wrap keeps the bits of the type and extends them.
DEVICE long int_wrap(long v, int t) {
	int spare = 64 - bits_of(t);
	return is_unsigned(t) ? (long)((ulong)v << spare >> spare) : (long)((ulong)v << spare) >> spare;
}
#endif

DEVICE long get_int(CONST_BYTES p, int i, int t) {
	switch (t) {
	case T_I64: case T_U64: return PICK(long, p, i);
	case T_I32: return PICK(int, p, i);
	case T_U32: return PICK(uint, p, i);
	case T_I16: return PICK(short, p, i);
	case T_U16: return PICK(ushort, p, i);
	case T_I8: return PICK(char, p, i);
	}
	return PICK(uchar, p, i);
}

DEVICE void set_int(BYTES p, int i, long v, int t) {
	switch (t) {
	case T_I64: case T_U64: PUT(long, p, i, v); return;
	case T_I32: case T_U32: PUT(int, p, i, (int)v); return;
	case T_I16: case T_U16: PUT(short, p, i, (short)v); return;
	case T_BOOL: PUT(uchar, p, i, v != 0); return;
	}
	PUT(uchar, p, i, (uchar)v);
}

// small_to_float widens a float of e exponent and m mantissa bits. finite formats
// have no infinity: only all ones is not a number there.
DEVICE float small_to_float(uint h, int e, int m, int finite) {
	uint sign = (h >> (e + m)) << 31, mant = h & ((1u << m) - 1u);
	int ex = (int)(h >> m & ((1u << e) - 1u)), bias = (1 << (e - 1)) - 1, top = (1 << e) - 1;
	if (ex == top && !finite) return BITS_FLOAT(sign | 0x7f800000u | mant << (23 - m));
	if (finite && (h & ((1u << (e + m)) - 1u)) == (1u << (e + m)) - 1u) return BITS_FLOAT(sign | 0x7fc00000u);
	if (ex == 0) { // mant · 2^(1-bias-m), exact
		float scale = BITS_FLOAT((uint)(127 + 1 - bias - m) << 23);
		float v = (float)mant * scale;
		return sign ? -v : v;
	}
	return BITS_FLOAT(sign | (uint)(ex - bias + 127) << 23 | mant << (23 - m));
}

// float_to_small rounds to nearest, halves to even. Overflow is infinity, or not a
// number in finite formats.
DEVICE uint float_to_small(float f, int e, int m, int finite) {
	uint u = FLOAT_BITS(f), sign = (u >> 31) << (e + m), mag = u & 0x7fffffffu;
	int bias = (1 << (e - 1)) - 1, top = (1 << e) - 1;
	uint inf = (uint)top << m, nan = finite ? (1u << (e + m)) - 1u : inf | 1u << (m - 1);
	if (mag > 0x7f800000u) return sign | nan;
	int ex = (int)(mag >> 23) - 127 + bias; // in the small format
	uint mant = mag & 0x7fffffu, r;
	if (ex >= 1) {
		r = (uint)ex << m | mant >> (23 - m);
		uint rest = mant & ((1u << (23 - m)) - 1u), tie = 1u << (22 - m);
		r += rest > tie || (rest == tie && (r & 1u)) ? 1u : 0u;
	} else {
		int down = 23 - m + 1 - ex; // places that the mantissa with its leading one moves down
		if (down > 25) return sign;
		mant |= 0x800000u;
		r = down > 24 ? 0u : mant >> down;
		uint rest = mant & ((1u << down) - 1u), tie = 1u << (down - 1);
		r += rest > tie || (rest == tie && (r & 1u)) ? 1u : 0u;
	}
	if (finite) return sign | (r >= nan ? nan : r);
	return sign | (r >= inf ? inf : r);
}

DEVICE float get_half(CONST_BYTES p, int i, int t) {
	switch (t) {
	case T_F32: return PICK(float, p, i);
	case T_F16: return small_to_float(PICK(ushort, p, i), 5, 10, 0);
	case T_BF16: return BITS_FLOAT((uint)PICK(ushort, p, i) << 16);
	case T_F8E5M2: return small_to_float(PICK(uchar, p, i), 5, 2, 0);
	}
	return small_to_float(PICK(uchar, p, i), 4, 3, 1);
}

DEVICE void set_half(BYTES p, int i, float v, int t) {
	uint u = FLOAT_BITS(v);
	switch (t) {
	case T_F32: PUT(float, p, i, v); return;
	case T_F16: PUT(ushort, p, i, (ushort)float_to_small(v, 5, 10, 0)); return;
	case T_BF16:
		u = (u & 0x7fffffffu) > 0x7f800000u ? u >> 16 | 0x40u : (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
		PUT(ushort, p, i, (ushort)u);
		return;
	case T_F8E5M2: PUT(uchar, p, i, (uchar)float_to_small(v, 5, 2, 0)); return;
	}
	PUT(uchar, p, i, (uchar)float_to_small(v, 4, 3, 1));
}

#ifndef REAL_IS_LONG
// real_max and real_min are not a number if an operand is not.
DEVICE real real_max(real a, real b) { return a > b || a != a ? a : b; }
DEVICE real real_min(real a, real b) { return a < b || a != a ? a : b; }
DEVICE real real_sign(real a) { return a > 0 ? R(1) : a < 0 ? R(-1) : a; }
// real_mod has the sign of the divisor, of a zero result too.
DEVICE real real_mod(real a, real b) {
	real r = fmod(a, b);
	if (r == 0) return copysign(R(0), b);
	return (r < 0) != (b < 0) ? r + b : r;
}
// real_tanh is exactly 1 where it rounds to that: some drivers' tanh is a little less.
DEVICE real real_tanh(real a) { return fabs(a) > R(20) ? copysign(R(1), a) : tanh(a); }
DEVICE real real_sigmoid(real a) {
	real e = exp(-fabs(a));
	return a < 0 ? e / (1 + e) : 1 / (1 + e);
}

#define less(a, b, t) ((a) < (b))
#else
DEVICE int less(long a, long b, int t) { return is_unsigned(t) ? (ulong)a < (ulong)b : a < b; }
DEVICE long int_add(long a, long b, int t) { return int_wrap((long)((ulong)a + (ulong)b), t); }
DEVICE long int_sub(long a, long b, int t) { return int_wrap((long)((ulong)a - (ulong)b), t); }
DEVICE long int_mul(long a, long b, int t) { return int_wrap((long)((ulong)a * (ulong)b), t); }
DEVICE long int_neg(long a, int t) { return int_sub(0, a, t); }
DEVICE long int_abs(long a, int t) { return less(a, 0, t) ? int_neg(a, t) : a; }
DEVICE long int_sign(long a, int t) { return less(0, a, t) - less(a, 0, t); }
DEVICE long int_max(long a, long b, int t) { return less(a, b, t) ? b : a; }
DEVICE long int_min(long a, long b, int t) { return less(b, a, t) ? b : a; }
// int_div truncates towards zero; what divides by zero is 0.
DEVICE long int_div(long a, long b, int t) {
	if (b == 0) return 0;
	if (is_unsigned(t)) return (long)((ulong)a / (ulong)b);
	return b == -1 ? int_neg(a, t) : a / b;
}
DEVICE long int_mod(long a, long b, int t) {
	if (b == 0) return 0;
	if (is_unsigned(t)) return (long)((ulong)a % (ulong)b);
	if (b == -1) return 0;
	long r = a % b;
	return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
DEVICE long int_pow(long a, long b, int t) {
	if (less(b, 0, t)) return a == 1 || (a == -1 && b % 2 == 0) ? 1 : a == -1 ? -1 : 0;
	ulong r = 1, s = (ulong)a;
	for (ulong e = (ulong)b; e > 0; e >>= 1) {
		if (e & 1) r *= s;
		s *= s;
	}
	return int_wrap((long)r, t);
}
DEVICE long int_shl(long a, long b, int t) { return (ulong)b >= (ulong)bits_of(t) ? 0 : int_wrap((long)((ulong)a << b), t); }
DEVICE long int_shr(long a, long b, int t) {
	ulong n = (ulong)b > 63 ? 63 : (ulong)b;
	if (is_unsigned(t)) return (ulong)b > 63 ? 0 : (long)((ulong)a >> n);
	return a >> n;
}
// int_const is a number that saturates to the type, given as both kinds of 64 bits.
DEVICE long int_const(long s, ulong u, int t) {
	int n = bits_of(t);
	if (is_unsigned(t)) {
		ulong hi = ~(ulong)0 >> (64 - n);
		return (long)(u > hi ? hi : u);
	}
	long hi = (long)(~(ulong)0 >> (65 - n)), lo = -hi - 1;
	return s > hi ? hi : s < lo ? lo : s;
}
#endif

// The arithmetic of reductions; T is the code of the element type.
#ifdef REAL_IS_LONG
#define PLUS(a, b) int_add(a, b, T)
#define TIMES(a, b) int_mul(a, b, T)
#define LARGER(a, b) int_max(a, b, T)
#define SMALLER(a, b) int_min(a, b, T)
#else
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#define LARGER(a, b) real_max(a, b)
#define SMALLER(a, b) real_min(a, b)
#endif

// Conversions of a value that a kernel computed with to any element type.
DEVICE ulong float_to_double_bits(float f) {
	uint u = FLOAT_BITS(f), mant = u & 0x7fffffu;
	ulong sign = (ulong)(u >> 31) << 63;
	int ex = (int)(u >> 23 & 0xffu);
	if (ex == 255) return sign | (ulong)0x7ff << 52 | (ulong)mant << 29;
	if (ex == 0) {
		if (mant == 0) return sign;
		for (ex = 1; !(mant & 0x800000u); ex--) mant <<= 1;
		mant &= 0x7fffffu;
	}
	return sign | (ulong)(ex + 896) << 52 | (ulong)mant << 29;
}

#ifndef REAL_IS_LONG
// real_to_long truncates towards zero and saturates to the type; not a number is 0.
DEVICE long real_to_long(real v, int t) {
	if (v != v) return 0;
	v = trunc(v);
	switch (t) {
	case T_U64: return v >= R(18446744073709551616.0) ? -1 : v <= 0 ? 0 : (long)(ulong)v;
	case T_U32: return v >= R(4294967296.0) ? 0xffffffffL : v <= 0 ? 0 : (long)v;
	case T_U16: return v >= R(65536.0) ? 65535 : v <= 0 ? 0 : (long)v;
	case T_U8: return v >= R(256.0) ? 255 : v <= 0 ? 0 : (long)v;
	case T_I32: return v >= R(2147483648.0) ? 0x7fffffffL : v <= R(-2147483648.0) ? -0x80000000L : (long)v;
	case T_I16: return v >= R(32768.0) ? 32767 : v <= R(-32768.0) ? -32768 : (long)v;
	case T_I8: return v >= R(128.0) ? 127 : v <= R(-128.0) ? -128 : (long)v;
	}
	return v >= R(9223372036854775808.0) ? 0x7fffffffffffffffL : v < R(-9223372036854775808.0) ? -0x7fffffffffffffffL - 1 : (long)v;
}
#endif

#ifdef REAL_IS_DOUBLE
// to_odd is a double as a float whose last bit says that something was lost, so
// that rounding it once more rounds once.
DEVICE float to_odd(double v) {
	float f = (float)v;
	if ((double)f == v || v != v) return f;
	uint u = FLOAT_BITS(f);
	if (fabs((double)f) > fabs(v)) u--;
	return BITS_FLOAT(u | 1u);
}
#endif

#ifdef REAL_IS_LONG
// int_to_float is exact, or rounded to odd: its last bit says that something was lost.
DEVICE float int_to_float(ulong m) {
	int down = 0, lost = 0;
	while (m >> down >> 24) down++;
	if (down > 0) lost = (m & (((ulong)1 << down) - 1)) != 0;
	float f = (float)((m >> down) | (ulong)lost);
	return f * BITS_FLOAT((uint)(127 + down) << 23);
}
DEVICE ulong int_to_double_bits(ulong m) {
	if (m == 0) return 0;
	int top = 63;
	while (!(m >> top)) top--;
	ulong mant = top <= 52 ? m << (52 - top) : m >> (top - 52);
	if (top > 52) {
		ulong rest = m & (((ulong)1 << (top - 52)) - 1), tie = (ulong)1 << (top - 53);
		if (rest > tie || (rest == tie && (mant & 1))) mant++;
	}
	return ((ulong)(1023 + top) << 52) + (mant - ((ulong)1 << 52));
}
#endif

// put_real stores a value of type from as one of type t.
DEVICE void put_real(BYTES p, int i, real v, int from, int t) {
#ifdef REAL_IS_LONG
	int negative = !is_unsigned(from) && v < 0;
	ulong m = negative ? (ulong)0 - (ulong)v : (ulong)v;
	switch (t) {
	case T_F64: PUT(ulong, p, i, int_to_double_bits(m) | (ulong)negative << 63); return;
	case T_F32: PUT(float, p, i, negative ? (float)v : (float)m); return;
	case T_F16: case T_BF16: case T_F8E4M3: case T_F8E5M2: set_half(p, i, negative ? -int_to_float(m) : int_to_float(m), t); return;
	}
	set_int(p, i, v, t);
#else
	switch (t) {
#ifdef REAL_IS_DOUBLE
	case T_F64: PUT(double, p, i, v); return;
	case T_F32: PUT(float, p, i, (float)v); return;
	case T_F16: case T_BF16: case T_F8E4M3: case T_F8E5M2: set_half(p, i, to_odd(v), t); return;
#else
	case T_F64: PUT(ulong, p, i, float_to_double_bits(v)); return;
	case T_F32: case T_F16: case T_BF16: case T_F8E4M3: case T_F8E5M2: set_half(p, i, v, t); return;
#endif
	case T_BOOL: PUT(uchar, p, i, v != 0); return;
	}
	set_int(p, i, real_to_long(v, t), t);
#endif
}

// INDEX declares at, index k of an axis of n elements counted from the front, -1 if it is out
// of range. NOT_NEGATIVE is for class numbers, which do not count from the end. The first
// index of a device that is out of range goes to the fault words.
#define INDEX(at, k, n) INDEX_AT(at, k, n, at##_k + (at##_k < 0 ? (long)(n) : 0))
#define NOT_NEGATIVE(at, k, n) INDEX_AT(at, k, n, at##_k)
#define INDEX_AT(at, k, n, place) \
	long at##_k = (k), at##_at = (place); \
	int at = at##_at < 0 || at##_at >= (long)(n) ? -1 : (int)at##_at; \
	if (at < 0) { FAULT(at##_k, n) }
#define FAULT(k, n) \
	if (AT(fault, 0) == 0) { \
		AT(fault, 1) = (k); \
		AT(fault, 2) = (n); \
		AT(fault, 0) = FAULT_CODE; \
	}
// DECOMPOSE adds to offset where element i of an array of sizes n and strides s lies.
#define DECOMPOSE(offset, i, n, s, rank) \
	for (int rest_ = (i), d_ = (rank) - 1; d_ >= 0; d_--) { \
		int q_ = rest_ / n[d_]; \
		offset += (rest_ - q_ * n[d_]) * s[d_]; \
		rest_ = q_; \
	}
// ACTIVATE is what follows a product, by the value act.
#define ACTIVATE(v) (act == 1 ? real_max(v, R(0)) : act == 2 ? real_tanh(v) : act == 3 ? real_sigmoid(v) : (v))

// OWN runs through the elements of a work item: ITEMS of them, those of a group side
// by side.
#define OWN(i) \
	for (int i = GRP(0) * ITEMS * GROUP0 + LID(0), end_ = min(total, (GRP(0) + 1) * ITEMS * GROUP0); i < end_; i += GROUP0)

// FOLD combines the partial results of a group in a tree; part[0] is the result.
#define FOLD(part, combine) \
	for (int n_ = GROUP0, half_; n_ > 1; n_ = half_) { \
		BARRIER(); \
		half_ = (n_ + 1) / 2; \
		if (LID(0) < n_ / 2) part[LID(0)] = combine(part[LID(0)], part[LID(0) + half_]); \
	} \
	BARRIER();
