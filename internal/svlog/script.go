package svlog

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrScript is wrapped by what ParseScript returns.
var ErrScript = errors.New("cannot use the logging script")

// A Script is a logging script of s6-log: which lines go where, and how.
type Script struct {
	// Warnings is what is strange and does no harm.
	Warnings []string

	steps []step
}

// A step is one or more actions on the lines that its selections leave.
type step struct {
	selections []selection
	actions    []action
}

// A selection selects or deselects lines.
type selection struct {
	kind byte           // +, - or f
	re   *regexp.Regexp // nil for f
}

// An action is what is done with a line: 1, 2, = or a directory, /.
type action struct {
	kind     byte
	path     string // of = and /
	size     int    // of a line in 2, of the file in =; 0 is no bound
	tai, iso bool
	how      policy
}

// The bounds of the directive s.
const (
	minFile = 4096
	maxFile = 268435455
)

// ParseScript reads directives as s6-log does. Regular expressions are POSIX
// extended ones in the syntax of Go's regexp.CompilePOSIX: a text that is no
// UTF-8 matches as if each wrong byte were U+FFFD, and GNU's extensions, as \<,
// are refused. Processors are not supported.
func ParseScript(directives []string) (*Script, error) {
	p := scriptParser{script: &Script{}, alert: 200, status: 1001}
	p.how.MaxFiles, p.how.MaxBytes, p.how.tolerance, p.how.retry = 10, 99999, 2000, 2*time.Second
	for _, d := range directives {
		if err := p.directive(d); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrScript, err)
		}
	}
	if len(p.now.actions) > 0 {
		p.script.steps = append(p.script.steps, p.now)
	} else if len(p.script.steps) > 0 {
		p.warn("what follows the last action does nothing")
	}
	if len(p.script.steps) == 0 {
		return nil, fmt.Errorf("%w: no action directive: 1, 2, =FILE or a directory that starts with . or /", ErrScript)
	}
	return p.script, nil
}

// A scriptParser holds what the next actions will be like.
type scriptParser struct {
	script        *Script
	now           step
	alert, status int
	tai, iso      bool
	how           policy
}

func (p *scriptParser) warn(text string) { p.script.Warnings = append(p.script.Warnings, text) }

func (p *scriptParser) directive(d string) error {
	if d == "" {
		return errors.New("a directive is empty")
	}
	kind, value := d[0], d[1:]
	switch kind {
	case 'f', 't', 'T', '1', '2', 'e':
		if value != "" {
			return fmt.Errorf("%q: nothing may follow %c", d, kind)
		}
	}
	switch kind {
	case '+', '-', 'f':
		return p.selection(kind, value)
	case 't':
		p.tai = true
	case 'T':
		p.iso = true
	case 'e':
		p.warn("e is an old name of 2")
		p.act('2', "", p.alert)
	case '1', '2':
		p.act(kind, "", p.alert)
	case '=':
		if value == "" {
			return errors.New("= needs the name of a file")
		}
		p.act(kind, value, p.status)
	case '.', '/':
		p.act('/', d, 0)
	case '!', '?':
		if value != "" {
			return fmt.Errorf("%q: processors are not supported", d)
		}
	default:
		return p.number(kind, value, d)
	}
	return nil
}

// number reads a directive that has one.
func (p *scriptParser) number(kind byte, value, d string) error {
	if !strings.ContainsRune("nsSlrE^", rune(kind)) {
		return fmt.Errorf("%q is no directive", d)
	}
	bits := 32
	if kind == 'S' {
		bits = 63
	}
	n, err := strconv.ParseUint(value, 10, bits)
	if err != nil {
		return fmt.Errorf("%q: a number from 0 to %d follows %c", d, uint64(1)<<bits-1, kind)
	}
	switch kind {
	case 'n':
		p.how.MaxFiles = int(n)
	case 's':
		p.how.MaxBytes = min(max(int64(n), minFile), maxFile)
	case 'S':
		p.how.TotalBytes = int64(n)
	case 'l':
		if p.how.tolerance = int64(n); p.how.tolerance > p.how.MaxBytes/2 {
			return fmt.Errorf("%q: more than half of a file, which is %d bytes", d, p.how.MaxBytes)
		}
	case 'r':
		p.how.retry = max(time.Duration(n)*time.Millisecond, time.Millisecond)
	case 'E':
		p.alert = int(n)
	case '^':
		p.status = int(n)
	}
	return nil
}

// selection begins a new step when the one before has an action.
func (p *scriptParser) selection(kind byte, value string) error {
	s := selection{kind: kind}
	if kind != 'f' {
		re, err := regexp.CompilePOSIX(value)
		if err != nil {
			return fmt.Errorf("%c%s: %w", kind, value, err)
		}
		s.re = re
	}
	if len(p.now.actions) > 0 {
		p.script.steps = append(p.script.steps, p.now)
		p.now = step{}
	}
	p.now.selections = append(p.now.selections, s)
	return nil
}

// act adds an action. Stamps are for one action only.
func (p *scriptParser) act(kind byte, path string, size int) {
	p.now.actions = append(p.now.actions, action{kind: kind, path: path, size: size, tai: p.tai, iso: p.iso, how: p.how})
	p.tai, p.iso = false, false
}

// selects tells whether line is acted upon in this step: selected is what the
// step before left of it, and acted whether anything has been done with it.
func (s *step) selects(line []byte, selected, acted bool) bool {
	for _, sel := range s.selections {
		switch {
		case sel.kind == 'f':
			selected = !acted
		case selected == (sel.kind == '-'):
			if sel.re.Match(line) {
				selected = !selected
			}
		}
	}
	return selected
}
