package data

// Where the public has the data sets.
const (
	FashionURL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
	MNISTURL   = "https://ossci-datasets.s3.amazonaws.com/mnist/"

	ShakespeareURL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)

// Fashion reads Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) from a directory or
// its subfolder fashion-mnist: 60,000 and 10,000 grey pictures [28 28] with
// values in [0, 1] and ten classes. A missing or broken file is a *FileError.
func Fashion(dir string) (train, test *Arrays, err error) {
	classes := []string{"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"}
	file := func(name string, size int) idxFile { return idxFile{name, FashionURL + name + ".gz", size} }
	train, err = images(dir, "fashion-mnist", file("train-images-idx3-ubyte", 26421880), file("train-labels-idx1-ubyte", 29515), classes)
	if err != nil {
		return nil, nil, err
	}
	test, err = images(dir, "fashion-mnist", file("t10k-images-idx3-ubyte", 4422102), file("t10k-labels-idx1-ubyte", 5148), classes)
	return train, test, err
}

// MNISTTest reads the 10,000 test digits of MNIST from a directory or its
// subfolder mnist, as Fashion reads its pictures.
func MNISTTest(dir string) (*Arrays, error) {
	classes := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	file := func(name string, size int) idxFile { return idxFile{name, MNISTURL + name + ".gz", size} }
	return images(dir, "mnist", file("t10k-images-idx3-ubyte", 1648877), file("t10k-labels-idx1-ubyte", 4542), classes)
}
