package fetch

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/data"
)

// File is one file of a set, as its publisher has it.
type File struct {
	Name   string
	URL    string
	Size   int64
	SHA256 string
}

// Set is a public data set.
type Set struct {
	Name  string // and the folder of its files
	Doc   string // one line
	Files []File
}

// Size is the number of bytes of all files.
func (s Set) Size() (n int64) {
	for _, f := range s.Files {
		n += f.Size
	}
	return n
}

// Sets are the known sets. Their sums are those of the publishers' files.
var Sets = []Set{
	{"fashion-mnist", "70,000 grey pictures of clothing, 28×28 (Xiao, Rasul, Vollgraf 2017; MIT licence)", idx(data.FashionURL, [4]int64{26421880, 29515, 4422102, 5148}, [4]string{
		"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
		"346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
	})},
	{"mnist", "70,000 grey pictures of digits, 28×28 (LeCun, Cortes, Burges)", idx(data.MNISTURL, [4]int64{9912422, 28881, 1648877, 4542}, [4]string{
		"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
		"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
	})},
	{"tinyshakespeare", "40,000 lines of Shakespeare's plays (Karpathy's char-rnn; public domain)", []File{
		{"input.txt", data.ShakespeareURL, 1115394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
	}},
}

// idx is the four files of MNIST and its likes.
func idx(base string, sizes [4]int64, sums [4]string) (list []File) {
	for i, name := range []string{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"} {
		list = append(list, File{name, base + name, sizes[i], sums[i]})
	}
	return list
}

// Find is the set of that name.
func Find(name string) (Set, error) {
	for _, s := range Sets {
		if s.Name == name {
			return s, nil
		}
	}
	return Set{}, fmt.Errorf("no data set %q; there are %s", name, strings.Join(Names(), ", "))
}

// Names are those of the sets.
func Names() (list []string) {
	for _, s := range Sets {
		list = append(list, s.Name)
	}
	return list
}
