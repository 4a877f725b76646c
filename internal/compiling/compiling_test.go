package compiling

import (
	"fmt"
	"slices"
	"testing"
)

func TestWatch(t *testing.T) {
	count = 0
	var seen []string
	Begin("before anybody watches")()
	stop := Watch(func(n int, name string) { seen = append(seen, fmt.Sprint(n, name)) })
	a := Begin("a")
	b := Begin("b")
	a()
	b()
	Begin("c")()
	stop()
	Begin("d")()
	if want := []string{"2a", "3b", "3", "4c", "4"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}
