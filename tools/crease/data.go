package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/data/fetch"
)

func init() { commands = append(commands, dataCommand) }

func dataCommand() *cobra.Command {
	return family("data", "Get public data sets", dataGetCommand())
}

// dataGetFlags are the flags of crease data get.
type dataGetFlags struct {
	common
	dir string
}

// gotSet is a set and where it is, in JSON.
type gotSet struct {
	Set   string `json:"set"`
	Dir   string `json:"dir"`
	Bytes int64  `json:"bytes"`
}

func dataGetCommand() *cobra.Command {
	var f dataGetFlags
	long := "Download public data sets from their publishers, check every byte, and put them where\n" +
		"crease train finds them without --data. What broke off is taken up where it stopped,\n" +
		"also in a later call. The sets are\n\n"
	var names []string
	for _, s := range fetch.Sets {
		long += fmt.Sprintf("  %-16s %s; %.1f MiB\n", s.Name, s.Doc, float64(s.Size())/(1<<20))
		names = append(names, s.Name+"\t"+s.Doc)
	}
	c := &cobra.Command{
		Use:       "get SET...",
		Short:     "Download data sets: " + strings.Join(fetch.Names(), ", "),
		Long:      strings.TrimSuffix(long, "\n"),
		Example:   "  crease data get tinyshakespeare\n  crease data get fashion-mnist mnist --dir data",
		ValidArgs: names,
		RunE:      func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	nameFlag(c, &f.dir, "dir", "", "directory to put them in (default: CREASE_DATA, or the user's cache)")
	return f.bindOutput(c, "table", "json")
}

func (f *dataGetFlags) run(cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		return usagef("want at least one set: %s", orList(fetch.Names()))
	}
	var sets []fetch.Set
	for _, n := range names {
		s, err := fetch.Find(n)
		if err != nil {
			return usageError(err)
		}
		sets = append(sets, s)
	}
	dir, err := data.NewDir(f.dir)
	if err != nil {
		return err
	}
	got := []gotSet{}
	for _, s := range sets {
		kept(cmd.Context()).set("what was downloaded stays, and a later call goes on with it")
		p := &download{p: newProgress(cmd.ErrOrStderr(), kept(cmd.Context())), set: s.Name}
		if err := fetch.Get(cmd.Context(), s, dir, fetch.Options{Progress: p.show}); err != nil {
			return errors.Join(err, p.end())
		}
		if err := p.end(); err != nil {
			return err
		}
		got = append(got, gotSet{s.Name, filepath.Join(dir, s.Name), s.Size()})
	}
	return f.print(cmd.OutOrStdout(), got)
}

func (f *dataGetFlags) print(w io.Writer, got []gotSet) error {
	if f.output == "json" {
		return writeJSON(w, got)
	}
	p := &lines{w: w}
	for _, g := range got {
		p.printf("%s is in %s\n", g.Set, g.Dir)
	}
	return p.err
}

// download draws how far a file is, on a terminal.
type download struct {
	p   *progress
	set string
}

func (d *download) show(f fetch.File, have int64) {
	if d.p.live {
		d.p.drawn = true
		d.p.printf("\r%s/%s  %s  %.1f of %.1f MiB\x1b[K", d.set, f.Name, bar(float64(have)/float64(f.Size), 24), float64(have)/(1<<20), float64(f.Size)/(1<<20))
	}
}

func (d *download) end() error {
	d.p.clear()
	return d.p.err
}
