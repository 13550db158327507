package fault

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

const (
	red   = "\x1b[31;1m"
	cyan  = "\x1b[36m"
	plain = "\x1b[0m"
)

// Render writes every fault of err for a person: an error line, and a hint
// line where there is a hint that the fault before it did not give.
func Render(w io.Writer, err error, color bool) {
	paint := func(code, text string) string {
		if !color {
			return text
		}
		return code + text + plain
	}
	faults := All(err)
	for i, f := range faults {
		fmt.Fprintf(w, "%s %s\n", paint(red, "error:"), visible(f.Error()))
		last := i == len(faults)-1 || faults[i+1].Hint != f.Hint
		if f.Hint != "" && last {
			fmt.Fprintf(w, "%s  %s\n", paint(cyan, "hint:"), visible(f.Hint))
		}
	}
}

// visible keeps a message from steering the terminal: it may quote what
// strangers wrote. Line ends and tabs stay.
func visible(text string) string {
	var out strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			fmt.Fprintf(&out, "\\x%02x", r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// RenderJSON writes every fault of err as one JSON object a line, with the
// keys error, file, line, column and hint.
func RenderJSON(w io.Writer, err error) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, f := range All(err) {
		out := struct {
			Error  string `json:"error"`
			File   string `json:"file,omitempty"`
			Line   int    `json:"line,omitempty"`
			Column int    `json:"column,omitempty"`
			Hint   string `json:"hint,omitempty"`
		}{f.What, f.At.File, f.At.Line, f.At.Column, f.Hint}
		if err := enc.Encode(out); err != nil {
			return err
		}
	}
	return nil
}
