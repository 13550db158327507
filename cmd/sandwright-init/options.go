//go:build linux

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// options are the flags of a command by name: *bool, *string, *int,
// *time.Duration, or a func(string) error that takes a value. They are written
// as package flag has them, which would cost more than all else that reads a
// command line here.
type options map[string]any

// errHelp is returned for a command line that asks for help.
var errHelp = errors.New("help is wanted")

// read sets the flags of args, wherever they stand, and gives the words between
// them. After -- all are words.
func (o options) read(args []string) (words []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(words, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			words = append(words, arg)
			continue
		}
		name, value, given := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		to, known := o[name]
		switch _, truth := to.(*bool); {
		case !known && (name == "h" || name == "help"):
			return words, errHelp
		case !known:
			return words, fmt.Errorf("there is no flag %s", arg)
		case !given && truth:
			value = "true"
		case !given && len(args) == 0:
			return words, fmt.Errorf("%s takes a value", arg)
		case !given:
			value, args = args[0], args[1:]
		}
		if err := set(to, value); err != nil {
			return words, fmt.Errorf("-%s cannot be %q", name, value)
		}
	}
	return words, nil
}

// set reads a value of a flag.
func set(to any, value string) (err error) {
	switch to := to.(type) {
	case *bool:
		*to, err = strconv.ParseBool(value)
	case *string:
		*to = value
	case *int:
		*to, err = strconv.Atoi(value)
	case *time.Duration:
		*to, err = time.ParseDuration(value)
	case func(string) error:
		err = to(value)
	}
	return err
}
