package fault

import "strings"

// Nearest is the candidate that word is most likely a misspelling of, for a
// hint that says "did you mean". It is empty when none is near: short words
// may differ by one slip, words of six letters and more by two. A slip is a
// letter too many, too few, wrong, or swapped with its neighbour.
func Nearest(word string, candidates []string) string {
	best, nearest := slips(word)+1, ""
	for _, c := range candidates {
		if strings.EqualFold(c, word) {
			return c
		}
		if abs(len(c)-len(word)) >= best {
			continue
		}
		if d := distance(word, c); d < best {
			best, nearest = d, c
		}
	}
	return nearest
}

// slips is how many slips a word of this length may hold. A long word holds
// none: it is not a name that somebody typed.
func slips(word string) int {
	switch n := len(word); {
	case n < 3 || n > 100:
		return 0
	case n < 6:
		return 1
	}
	return 2
}

// distance is Damerau and Levenshtein's, where no part is edited twice.
func distance(a, b string) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+differ(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}

func abs(n int) int { return max(n, -n) }
