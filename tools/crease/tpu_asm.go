package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
)

// maxProgram is the most that is read as a program.
const maxProgram = 1 << 30

// programFile returns the content of the file named, of standard input for - or no
// name.
func programFile(cmd *cobra.Command, args []string) (name string, content []byte, err error) {
	name = "-"
	if len(args) > 0 {
		name = args[0]
	}
	in := cmd.InOrStdin()
	if name != "-" {
		content, err = safefile.Read(name, maxProgram)
		return name, content, err
	}
	content, err = io.ReadAll(io.LimitReader(in, maxProgram+1))
	if err == nil && len(content) > maxProgram {
		err = fmt.Errorf("longer than %d bytes", maxProgram)
	}
	if err != nil {
		return name, nil, fileError(fmt.Errorf("program %s: %w", name, err))
	}
	return name, content, nil
}

func tpuAsmCommand() *cobra.Command {
	var hw tpuHardware
	var out string
	cmd := &cobra.Command{
		Use:   "asm [FILE]",
		Short: "Assemble a program and check it",
		Long: "Assemble the text of a program (a file, or standard input) and write its file\n" +
			"form. With --preset, or --rows and --cols, the program is also checked for\n" +
			"that hardware.",
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out != "" && out != "-" {
				empty, err := new(isa.Program).MarshalBinary()
				if err != nil {
					return err
				}
				if err := replaceable(out, string(empty[:len(empty)-8])); err != nil { // less two counts
					return err
				}
			}
			var c *arch.Config
			if hw.given(cmd) {
				var err error
				if c, err = hw.config(cmd, nil); err != nil {
					return err
				}
			}
			name, text, err := programFile(cmd, args)
			if err != nil {
				return err
			}
			p, err := isa.Assemble(bytes.NewReader(text))
			if err != nil {
				return fileError(fmt.Errorf("%s: %w", name, err))
			}
			if c != nil {
				if err := p.Check(c, isa.Limits{HBM: 1 << 40, Host: 1 << 40}); err != nil {
					return fileError(fmt.Errorf("%s: %w", name, err))
				}
			}
			b, err := p.MarshalBinary()
			if err != nil {
				return err
			}
			if out != "" && out != "-" {
				return safefile.Write(out, 0o644, func(w io.Writer) error {
					_, err := w.Write(b)
					return err
				})
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		},
	}
	hw.bind(cmd)
	nameFlag(cmd, &out, "out", "", "file to write (default standard output)")
	return cmd
}

func tpuDisasmCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "disasm [FILE]",
		Short: "Write the text of a program",
		Long:  "Write the text of a program's file form (a file, or standard input). crease tpu\nasm makes the same program of it.",
		Args:  oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, b, err := programFile(cmd, args)
			if err != nil {
				return err
			}
			var p isa.Program
			if err := p.UnmarshalBinary(b); err != nil {
				return fileError(fmt.Errorf("%s: %w", name, err))
			}
			return isa.Disassemble(cmd.OutOrStdout(), &p)
		},
	}
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("want one file")
	}
	return nil
}
