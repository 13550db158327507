package redact

import "strings"

// marks are what stands for each secret. Where a secret could be made of a mark
// and what is beside it, the marks say less: what is written must hold no
// secret.
func marks(names []string, patterns []pattern) []string {
	styles := []func(name string) string{
		func(name string) string { return "[redacted " + name + "]" },
		func(string) string { return "[redacted]" },
		func(string) string { return "***" },
		func(string) string { return "\x00" }, // in no variable, as the environment cannot hold it
	}
	var texts []string
	for _, style := range styles {
		texts = texts[:0]
		for _, name := range names {
			texts = append(texts, style(name))
		}
		if !anyTouches(patterns, texts) {
			break
		}
	}
	return texts
}

// anyTouches asks little of most patterns: all marks are of one style.
func anyTouches(patterns []pattern, marks []string) bool {
	all := strings.Join(marks, "\x00")
	ends := all[:1] + all[len(all)-1:]
	for _, p := range patterns {
		if strings.Contains(all, p.text) {
			return true
		}
		if !strings.ContainsAny(p.text, ends) {
			continue
		}
		for _, mark := range marks {
			if touches(p.text, mark) {
				return true
			}
		}
	}
	return false
}

// touches tells whether secret could stand at a place that has an end of mark in it.
func touches(secret, mark string) bool {
	if strings.Contains(secret, mark) {
		return true
	}
	for n := 1; n < min(len(secret), len(mark)); n++ {
		if secret[:n] == mark[len(mark)-n:] || secret[len(secret)-n:] == mark[:n] {
			return true
		}
	}
	return false
}
