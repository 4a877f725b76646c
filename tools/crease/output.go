package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/crease-ml/crease/internal/terminal"
)

// lines writes text and remembers the first error.
type lines struct {
	w    io.Writer
	err  error
	room int // characters of a line, once they were asked for
}

func (l *lines) printf(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format, args...)
	}
}

// width returns how many characters fit on a line, at most 80.
func (l *lines) width() int {
	if l.room == 0 {
		l.room = min(terminal.Width(l.w), 80)
	}
	return l.room
}

// wrap breaks text so that it fits: its first line begins at indent, and the others are
// indented so far, or less where little room would be left.
func (l *lines) wrap(text string, indent int) string { return wrap(text, l.width(), indent) }

// column of a table. The last column of a table may have the width 0: what is left.
type column struct {
	head  string
	width int
	right bool // numbers
}

// table prints rows as they come, in columns where the terminal is wide enough for them.
// Where it is not, every row is a paragraph: its first cell, then a line for each of the
// others with the column's name.
type table struct {
	*lines
	columns []column
	stacked bool
	begun   bool
}

// least is how much a last column without a width needs.
const least = 16

// table begins a table and prints its head.
func (l *lines) table(columns ...column) *table {
	t := &table{lines: l, columns: columns}
	total := 2 * (len(columns) - 1)
	for _, c := range columns {
		if c.width == 0 {
			total += least
		}
		total += c.width
	}
	t.stacked = total > l.width()
	if !t.stacked {
		heads := make([]string, len(columns))
		for i, c := range columns {
			heads[i] = c.head
		}
		t.row(heads...)
	}
	return t
}

func (t *table) row(cells ...string) {
	if t.stacked {
		t.paragraph(cells)
		return
	}
	var b strings.Builder
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString("  ")
		}
		width := c.width
		if width == 0 {
			at := utf8.RuneCountInString(b.String())
			b.WriteString(t.wrap(cells[i], at))
			continue
		}
		text := clip(cells[i], width)
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(text))
		if c.right {
			text = pad + text
		} else {
			text += pad
		}
		b.WriteString(text)
	}
	t.printf("%s\n", strings.TrimRight(b.String(), " "))
}

func (t *table) paragraph(cells []string) {
	if t.begun {
		t.printf("\n")
	}
	t.begun = true
	for i, c := range t.columns {
		switch {
		case i == 0:
			t.printf("%s\n", t.wrap(cells[0], 0))
		case cells[i] != "":
			head := "  " + strings.ToLower(c.head) + " "
			t.printf("%s%s\n", head, t.wrap(cells[i], utf8.RuneCountInString(head)))
		}
	}
}

// clip shortens text to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	if n < 4 {
		return string(r[:n])
	}
	return string(r[:n-3]) + "..."
}

// wrap breaks text into lines of the given width, the first of which begins at indent;
// the others are indented so far, or by two where that leaves too little. A word that is
// longer than a line is broken.
func wrap(s string, width, indent int) string {
	var b strings.Builder
	at, left := indent, indent
	if width-left < least {
		left = min(left, 2)
	}
	for i, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		if i > 0 && at+1+n > width || i == 0 && at+n > width && at > left {
			b.WriteString("\n" + strings.Repeat(" ", left))
			at = left
		} else if i > 0 {
			b.WriteByte(' ')
			at++
		}
		for at+n > width && width > left {
			r := []rune(word)
			cut := width - at
			b.WriteString(string(r[:cut]) + "\n" + strings.Repeat(" ", left))
			word, n, at = string(r[cut:]), n-cut, left
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// bar draws a share of 1 as a bar of the given width.
func bar(share float64, width int) string {
	full := min(max(int(share*float64(width)+0.5), 0), width)
	return strings.Repeat("#", full) + strings.Repeat(".", width-full)
}
