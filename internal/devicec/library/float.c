// Mathematics in single precision. What models call most is computed in floats; the
// rest in doubles, and rounded once.

float two_to(int n) { return __int_as_float((n + 127) << 23); }

float scaled(float v, int n) {
	int a = max(min(n, 300), -300) / 2, b = max(min(n, 300), -300) - a;
	return v * two_to(max(min(a, 127), -126)) * two_to(max(min(b, 127), -126));
}

// powers is e^r - 1 for |r| below 0.35.
float powers(float r) {
	float p = 1.98412698e-4f;
	p = fma(p, r, 1.38888889e-3f);
	p = fma(p, r, 8.33333333e-3f);
	p = fma(p, r, 4.16666667e-2f);
	p = fma(p, r, 1.66666667e-1f);
	p = fma(p, r, 0.5f);
	return fma(r * r, p, r);
}

float exp(float x) {
	float n = rint(x * 1.44269504f);
	float r = fma(n, -1.42860682e-6f, fma(n, -0.693145752f, x));
	float v = scaled(1.0f + powers(r), (int)n);
	v = x > 89.0f ? __int_as_float(0x7f800000) : v;
	v = x < -104.0f ? 0.0f : v;
	return x != x ? x : v;
}

float exp2(float x) {
	float n = rint(x);
	float v = scaled(1.0f + powers((x - n) * 0.693147181f), (int)n);
	v = x > 129.0f ? __int_as_float(0x7f800000) : v;
	v = x < -151.0f ? 0.0f : v;
	return x != x ? x : v;
}

float expm1(float x) {
	float c = x > 90.0f ? 90.0f : x < -40.0f ? -40.0f : x;
	float n = rint(c * 1.44269504f);
	float r = fma(n, -1.42860682e-6f, fma(n, -0.693145752f, c));
	int i = (int)n;
	float q = powers(r), s = two_to(min(i, 127));
	float v = fma(s, q, s - 1.0f);
	v = i > 127 ? 2.0f * v + 1.0f : v;
	v = x > 90.0f ? __int_as_float(0x7f800000) : v;
	v = x == 0.0f ? x : v;
	return x != x ? x : v;
}

float log(float x) {
	int down = x < 1.17549435e-38f ? 25 : 0;
	float w = down > 0 ? x * 33554432.0f : x;
	int i = __float_as_int(w) - 0x3f3504f3;
	int n = i >> 23;
	float m = __int_as_float((i & 0x7fffff) + 0x3f3504f3), f = m - 1.0f, k = (float)(n - down);
	float s = f / (2.0f + f), z = s * s, half = 0.5f * f * f;
	float p = 0.0909090909f;
	p = fma(p, z, 0.111111111f);
	p = fma(p, z, 0.142857143f);
	p = fma(p, z, 0.2f);
	p = fma(p, z, 0.333333333f);
	float v = fma(k, 0.693145752f, f - (half - fma(k, 1.42860682e-6f, s * (half + 2.0f * z * p))));
	v = x == 0.0f ? __int_as_float(0xff800000) : v;
	v = x == __int_as_float(0x7f800000) ? x : v;
	return x >= 0.0f ? v : __int_as_float(0x7fc00000);
}

float tanh(float x) {
	float a = fabs(x), t = expm1(-2.0f * a);
	return x != x ? x : copysign(-t / (t + 2.0f), x);
}

#define BY_DOUBLE(name) float name(float x) { return (float)name((double)x); }
#define BY_DOUBLE_OF_TWO(name) float name(float x, float y) { return (float)name((double)x, (double)y); }
BY_DOUBLE(log2)
BY_DOUBLE(log10)
BY_DOUBLE(log1p)
BY_DOUBLE(sin)
BY_DOUBLE(cos)
BY_DOUBLE(tan)
BY_DOUBLE(asin)
BY_DOUBLE(acos)
BY_DOUBLE(atan)
BY_DOUBLE(sinh)
BY_DOUBLE(cosh)
BY_DOUBLE(erf)
BY_DOUBLE_OF_TWO(pow)
BY_DOUBLE_OF_TWO(atan2)
BY_DOUBLE_OF_TWO(fmod)
