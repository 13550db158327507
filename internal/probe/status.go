package probe

import (
	"fmt"
	"strconv"
	"strings"
)

// defaultStatus is what counts as success where nothing is said.
const defaultStatus = "200-399"

// A statusSet holds ranges of HTTP status codes, both ends included.
type statusSet [][2]int

// parseStatus reads codes and ranges with commas between, such as
// "200-299,304". A code is 100 to 599.
func parseStatus(text string) (statusSet, error) {
	var set statusSet
	for item := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(item), "-")
		if !isRange {
			to = from
		}
		low, high := parseCode(from), parseCode(to)
		if low == 0 || high < low {
			return nil, fmt.Errorf("%q is no range of statuses such as 200-299,304", text)
		}
		set = append(set, [2]int{low, high})
	}
	return set, nil
}

// parseCode is the code that text says, or 0.
func parseCode(text string) int {
	code, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || code < 100 || code > 599 {
		return 0
	}
	return code
}

func (s statusSet) has(code int) bool {
	for _, r := range s {
		if r[0] <= code && code <= r[1] {
			return true
		}
	}
	return false
}

// String is what parseStatus reads.
func (s statusSet) String() string {
	items := make([]string, len(s))
	for i, r := range s {
		items[i] = fmt.Sprintf("%d-%d", r[0], r[1])
		if r[0] == r[1] {
			items[i] = strconv.Itoa(r[0])
		}
	}
	return strings.Join(items, ",")
}
