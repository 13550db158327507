package installed

import "github.com/sandwright/sandwright/internal/fault"

// A Summary is all reports as programs read them.
type Summary struct {
	OK    bool          `json:"ok"`
	Bytes int64         `json:"bytes"`
	Tools []ToolSummary `json:"tools"`
}

// A ToolSummary is one tool.
type ToolSummary struct {
	Report
	Faults []string `json:"faults"`
}

// NewSummary sums up.
func NewSummary(reports []Report) Summary {
	s := Summary{OK: Bad(reports) == 0, Tools: []ToolSummary{}}
	for _, r := range reports {
		t := ToolSummary{Report: r, Faults: []string{}}
		for _, f := range r.Faults {
			t.Faults = append(t.Faults, f.Error())
		}
		s.Bytes += r.Bytes
		s.Tools = append(s.Tools, t)
	}
	return s
}

// Faults are those of all reports, in their order.
func Faults(reports []Report) (all fault.List) {
	for _, r := range reports {
		all = append(all, r.Faults...)
	}
	return all
}

// Bad counts the tools that have a fault.
func Bad(reports []Report) (n int) {
	for _, r := range reports {
		if len(r.Faults) > 0 {
			n++
		}
	}
	return n
}
