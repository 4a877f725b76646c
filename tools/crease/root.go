package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal"
)

// commands make the subcommands; every command file adds its own.
var commands []func() *cobra.Command

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "crease",
		Short:         "Deep learning on whatever hardware is there",
		Long:          "crease trains models and measures kernels on the devices of this machine\nthrough one small interface.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath()))
	})
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		text := fmt.Sprintf("no command %q", args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			text += ": did you mean " + strings.Join(near, " or ") + "?"
		}
		return usageError(fmt.Errorf("%s (see crease --help)", text))
	}
	for _, c := range commands {
		root.AddCommand(c())
	}
	return root
}

// common are the flags that most commands share.
type common struct {
	device  string
	threads int
	output  string
	formats []string
}

// bind adds the flags to a command. The first format is the default.
func (c *common) bind(cmd *cobra.Command, formats ...string) *cobra.Command {
	c.formats = formats
	fs := cmd.Flags()
	fs.StringVarP(&c.device, "device", "d", "", "device, as in cpu, cpu/avx2, auto (default: CREASE_DEVICE, else auto)")
	fs.IntVar(&c.threads, "threads", 0, "threads of a cpu device (default: CREASE_THREADS, else all)")
	completeDevices(cmd)
	return c.bindOutput(cmd, formats...)
}

// bindDevices adds --device for several devices.
func (c *common) bindDevices(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.device, "device", "d", "", "devices, comma-separated (default: CREASE_DEVICE, else auto)")
	completeDevices(cmd)
}

// bindOutput adds --output alone.
func (c *common) bindOutput(cmd *cobra.Command, formats ...string) *cobra.Command {
	c.formats = formats
	cmd.Flags().StringVarP(&c.output, "output", "o", formats[0], "output: "+strings.Join(formats, ", "))
	old := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(c.formats, c.output) {
			return usageError(fmt.Errorf("--output %s: want %s", c.output, strings.Join(c.formats, ", ")))
		}
		if old != nil {
			return old(cmd, args)
		}
		return nil
	}
	return cmd
}

func completeDevices(cmd *cobra.Command) {
	if err := cmd.RegisterFlagCompletionFunc("device", completeDevice); err != nil {
		panic(err) // the caller has added the flag
	}
}

func completeDevice(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names := []string{"auto"}
	for _, d := range hal.Drivers() {
		for _, s := range d.Probe() {
			if s.Present {
				names = append(names, s.Name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// names are the devices asked for, comma-separated; options of a device also
// have commas, so only a comma before a name separates.
func (c *common) names() []string {
	name := cmp.Or(c.device, os.Getenv("CREASE_DEVICE"), "auto")
	var out []string
	for part := range strings.SplitSeq(name, ",") {
		if len(out) > 0 && strings.Contains(part, "=") && !strings.Contains(part, "@") {
			out[len(out)-1] += "," + part
			continue
		}
		out = append(out, part)
	}
	return out
}

// open opens the one device asked for.
func (c *common) open(cmd *cobra.Command) (*crease.Device, error) {
	list, err := c.openAll(cmd)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, usageError(fmt.Errorf("--device names %d devices, want one", len(list)))
	}
	return list[0], nil
}

// openAll opens the devices asked for. Only auto chooses, and says what.
func (c *common) openAll(cmd *cobra.Command) ([]*crease.Device, error) {
	var out []*crease.Device
	for _, name := range c.names() {
		resolved, err := withThreads(name, c.threads, cmd.Flags().Changed("threads"))
		if err != nil {
			return nil, err
		}
		d, err := crease.Open(resolved)
		if err != nil {
			return nil, err
		}
		if name == "auto" {
			sayAuto(cmd, d)
		}
		out = append(out, d)
	}
	return out, nil
}

// sayAuto says what auto has chosen.
func sayAuto(cmd *cobra.Command, d *crease.Device) {
	fmt.Fprintf(cmd.ErrOrStderr(), "crease: device auto is %s (%s)\n", d.Name(), d.Info().Description)
}

// withThreads puts --threads into the name of a cpu device.
func withThreads(name string, threads int, given bool) (string, error) {
	if !given {
		return name, nil
	}
	if threads < 1 {
		return "", usageError(fmt.Errorf("--threads %d: want at least 1", threads))
	}
	if name == "auto" {
		d, err := hal.Open("auto")
		if err != nil {
			return "", err
		}
		name = d.Info().Name
	}
	s, err := hal.ParseSpec(name)
	if err != nil {
		return "", err
	}
	if s.Kind != "cpu" {
		return "", usageError(fmt.Errorf("--threads is for cpu devices, not %s", name))
	}
	if s.Options == nil {
		s.Options = map[string]string{}
	}
	s.Options["threads"] = strconv.Itoa(threads)
	return s.String(), nil
}
