package fault

// Clip is text for a message, which may be somebody's mistake of any length:
// its first most characters, and … where there are more.
func Clip(text string, most int) string {
	for i := range text {
		if most--; most < 0 {
			return text[:i] + "…"
		}
	}
	return text
}
