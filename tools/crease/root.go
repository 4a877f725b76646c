package main

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/near"
)

// commands make the subcommands; every command file adds its own.
var commands []func() *cobra.Command

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "crease",
		Short: "Deep learning on whatever hardware is there",
		Long: "crease trains models and measures kernels on the devices of this machine\nthrough one small interface.\n\n" +
			"Exit codes: 0 done, 1 failed, 2 a flag, argument or variable means nothing, 3 no\n" +
			"such device, 4 a result outside its tolerance, 5 a file that cannot be used,\n" +
			"128 plus its number after a signal (130 after Ctrl-C).",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return checkVariables(cmd)
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return usagef("no command %q%s (see crease --help)", args[0], near.Hint(args[0], commandNames(cmd)))
	}
	for _, c := range commands {
		root.AddCommand(c())
	}
	return root
}

func commandNames(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// family is a command that has only subcommands.
func family(use, short string, members ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(members...)
	return c
}

// noCommand is for the arguments of a command that has only subcommands.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("no command %s %s%s (see %s --help)", cmd.Name(), args[0], near.Hint(args[0], commandNames(cmd)), cmd.CommandPath())
}

// common are the flags that most commands share.
type common struct {
	device  string
	threads int
	output  string
}

// bind adds the flags to a command. The first format is the default.
func (c *common) bind(cmd *cobra.Command, formats ...string) *cobra.Command {
	deviceFlag(cmd, &c.device, "device, as in cpu, cpu/avx2, auto (default: CREASE_DEVICE, else auto)")
	threadsFlag(cmd, &c.threads)
	return c.bindOutput(cmd, formats...)
}

// bindDevices adds --device for several devices.
func (c *common) bindDevices(cmd *cobra.Command) {
	deviceFlag(cmd, &c.device, "devices, comma-separated (default: CREASE_DEVICE, else auto)")
}

// bindOutput adds --output alone.
func (c *common) bindOutput(cmd *cobra.Command, formats ...string) *cobra.Command {
	choiceFlag(cmd, &c.output, "output", "o", formats[0], formats, "output: "+strings.Join(formats, ", "))
	return cmd
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

// names are the devices asked for.
func (c *common) names() []string {
	return deviceNames(cmp.Or(c.device, os.Getenv("CREASE_DEVICE"), "auto"))
}

// open opens the one device asked for.
func (c *common) open(cmd *cobra.Command) (*crease.Device, error) {
	list, err := c.openAll(cmd)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, usagef("--device names %d devices, want one", len(list))
	}
	return list[0], nil
}

// openAll opens the devices asked for. Only auto chooses, and says what.
func (c *common) openAll(cmd *cobra.Command) ([]*crease.Device, error) {
	var out []*crease.Device
	for _, name := range c.names() {
		resolved, err := withThreads(name, c.threads)
		if err != nil {
			return nil, err
		}
		d, err := crease.Open(resolved)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(name, "auto") {
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

// withThreads puts --threads, 0 where it was not given, into the name of a cpu device.
func withThreads(name string, threads int) (string, error) {
	if threads == 0 {
		return name, nil
	}
	s, err := hal.ParseSpec(name)
	if err != nil {
		return "", err
	}
	if s.Kind == "auto" {
		d, err := hal.Open("auto")
		if err != nil {
			return "", err
		}
		if s, err = hal.ParseSpec(d.Info().Name); err != nil {
			return "", err
		}
	}
	if s.Kind != "cpu" {
		return "", usagef("--threads is for cpu devices, not %s", name)
	}
	if s.Options == nil {
		s.Options = map[string]string{}
	}
	s.Options["threads"] = strconv.Itoa(threads)
	return s.String(), nil
}
