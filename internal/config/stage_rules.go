package config

import (
	"path"
	"strconv"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/sandwright/sandwright/internal/fault"
)

// treePattern accepts a pattern as a .dockerignore has them.
func treePattern(text string) *reason {
	body := strings.TrimPrefix(strings.TrimSpace(text), "!")
	switch {
	case body == "" || noNUL(text) != nil:
		return &reason{why: "it is not a pattern"}
	case !goodPattern(body):
		return &reason{"its brackets or its backslash do not end", `such as "**/*.log"; a \ makes the next character plain`}
	}
	return nil
}

func goodPattern(text string) bool {
	m, err := patternmatcher.New([]string{text})
	if err == nil {
		_, err = m.MatchesUsingParentResult("x", false) //nolint:staticcheck // of one pattern it is right; it is compiled at its first use
	}
	return err == nil
}

// relativeTarget accepts the target of a link.
func relativeTarget(text string) *reason {
	switch {
	case text == "" || noNUL(text) != nil:
		return &reason{why: "it is not a path"}
	case strings.HasPrefix(text, "/"):
		return &reason{"it is absolute, and a relative path is wanted", "say it from the folder of the link, such as ../shared"}
	}
	return nil
}

// checkLinks wants a target where one is needed, and nowhere else.
func checkLinks(f *File) (faults fault.List) {
	for i, rule := range f.Links {
		at := f.At("links", strconv.Itoa(i))
		switch has := f.has("links", strconv.Itoa(i), "to"); {
		case rule.Rewrite != "" && !has:
			faults = append(faults, at.Cannot("rewrite links without a target").WithHint("add to: TARGET, such as to: ../shared"))
		case rule.Rewrite == "" && rule.Pattern() != "" && has:
			faults = append(faults, at.Cannot("use to without rewrite: only rewrite has a target").WithHint("remove it, or say rewrite"))
		}
	}
	return faults
}

// outputPath accepts the path of something in the workspace, which is not all of it.
func outputPath(text string) *reason {
	if path.Clean(text) == "." {
		return &reason{"it is the whole workspace", "name what the command makes, such as apps/web/dist"}
	}
	return below(text)
}
