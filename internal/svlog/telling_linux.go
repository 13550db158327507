package svlog

import "bytes"

// traceLines are at most looked back at for the error that a stack trace follows.
const traceLines = 64

// telling is the last line of text, or that of an error which all lines after it
// only go on about. Text that has nothing but such lines goes on itself.
func telling(text []byte) (line []byte, goesOn bool) {
	last := bytes.TrimSpace(text[bytes.LastIndexByte(text, '\n')+1:])
	for range traceLines {
		i := bytes.LastIndexByte(text, '\n')
		switch line := text[i+1:]; {
		case namesError(line):
			return bytes.TrimSpace(line), false
		case !follows(line):
			return last, false
		case i < 0:
			return last, true
		}
		text = text[:i]
	}
	return last, false
}

// follows tells whether a line only goes on about an error before it: what is
// indented or brackets alone, the version that node ends a trace with, and what
// npm and pnpm say of a script that has failed.
func follows(line []byte) bool {
	if len(line) == 0 || line[0] == ' ' || line[0] == '\t' || len(bytes.Trim(line, "{}[](),\r")) == 0 {
		return true
	}
	for _, start := range []string{"Node.js v", "\u2009ELIFECYCLE\u2009", "[ELIFECYCLE]", "npm error", "npm ERR!"} {
		if bytes.HasPrefix(line, []byte(start)) {
			return true
		}
	}
	return false
}

// namesError tells whether a line begins with the name of an error, as that of an
// exception does: TypeError: text, Error [CODE]: text, error: text.
func namesError(line []byte) bool {
	end := bytes.IndexAny(line, " :")
	return end > 0 && (bytes.HasSuffix(line[:end], []byte("Error")) || string(line[:end]) == "error") && bytes.Contains(line, []byte(": "))
}
