package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
	"unicode"
)

// Bounds of what is shown of an answer.
const (
	detailLines = 10
	detailBytes = 1 << 10
	phraseBytes = 200
)

// failed makes the Failure of an attempt that err has ended: doing is what was
// tried, such as "GET http://…".
func failed(ctx context.Context, doing string, err error) *Failure {
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return &Failure{Reason: doing + ": no answer", late: true}
	}
	return &Failure{Reason: doing + ": " + phrase(short(err))}
}

// within says in err how long the answer was waited for, if it came too late.
func within(err error, timeout time.Duration) error {
	var f *Failure
	if !errors.As(err, &f) || !f.late {
		return err
	}
	return &Failure{Reason: fmt.Sprintf("%s within %s", f.Reason, timeout), Detail: f.Detail}
}

// short is an error without the layers that Go's network packages put around
// it: "connection refused" rather than "dial tcp 127.0.0.1:1: connect: …".
func short(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var call *os.SyscallError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("%s: %s", dns.Err, dns.Name)
	case errors.As(err, &call):
		return call.Err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed without an answer"
	}
	return strings.TrimPrefix(err.Error(), "http: ")
}

// phrase makes one short printable line of s.
func phrase(s string) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	if len(s) > phraseBytes {
		s = strings.ToValidUTF8(s[:phraseBytes], "") + "…"
	}
	return s
}

// excerpt is the printable first lines of what a service has answered.
func excerpt(seen []byte) string {
	cut := len(seen) > detailBytes
	seen = bytes.TrimSpace(seen[:min(len(seen), detailBytes)])
	lines := strings.Split(string(seen), "\n")
	if len(lines) > detailLines {
		lines, cut = lines[:detailLines], true
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(printable(line), " \t")
	}
	text := strings.Join(lines, "\n")
	if len(text) > detailBytes {
		text, cut = strings.ToValidUTF8(text[:detailBytes], ""), true
	}
	if cut && text != "" {
		text += "…"
	}
	return text
}

// printable replaces whatever could move a cursor, colour a terminal or hide
// text. Tabs and spaces stay; a carriage return goes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return -1
		case r == '\n' || r == '\t':
			return r
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
