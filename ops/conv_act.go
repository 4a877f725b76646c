package ops

// Conv2dAct is a convolution and an activation in one op, which the compiler makes of two.
// Models apply the two: a gradient would otherwise save results that it can do without.
var Conv2dAct *Op

// ConvActAttrs adds the activation, as in [LinearAttrs].
type ConvActAttrs struct {
	ConvAttrs
	Act string `json:"act"`
}

func init() {
	Conv2dAct = Declare(Op{
		Name:     "conv2d_act",
		Internal: true,
		Doc:      "act(conv2d): what the compiler makes of a convolution and the activation after it.",
		Kind:     Composite,
		Inputs:   "x w bias?",
		Attrs:    ConvActAttrs{},
		Types:    Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(ConvActAttrs)
			if err := checkActivation(a.Act); err != nil {
				return nil, err
			}
			return a.infer(in)
		},
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(ConvActAttrs)
			sums, act := a.sums(in, out[0]), activations[a.Act].value
			for i, v := range sums {
				sums[i] = act(v)
			}
			setAll(out[0], sums)
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a := attrs.(ConvActAttrs)
			return []Value{activations[a.Act].apply(b, Conv2d.With(b, a.ConvAttrs, in...))}
		},
		Cost: Conv2d.Cost,
		Tol:  Conv2d.Tol,
		Bench: func(s Size) Case {
			return Case{Attrs: ConvActAttrs{sameConv, "relu"}, In: []Arg{s.Images(), s.Filters()}}
		},
		Cases: convActCases(),
	})
}

// convActCases go through the activations. relu's are clear of its kink, for gradients.
func convActCases() []Case {
	cases := convCases()
	for i := range cases {
		a := ConvActAttrs{cases[i].Attrs.(ConvAttrs), []string{"relu", "tanh", "sigmoid", ""}[i%4]}
		cases[i].Attrs = a
		for k := range cases[i].In {
			arg := &cases[i].In[k]
			switch arg.Lo, arg.Hi = -1, 1; {
			case a.Act == "relu" && i%8 == 0:
				arg.Lo = 0.1
			case a.Act == "relu":
				cases[i].NoGradCheck = true
			}
		}
	}
	return cases
}
