package envgen

const goText = `
// Env is the environment, once parsed. What may have no value is a pointer, or
// nil.
type Env struct {
%s}

// Parse reads the environment, as from os.LookupEnv. The error joins every
// fault, and shows no value.
func Parse(lookup func(name string) (string, bool)) (Env, error) {
	var e Env
	p := parser{lookup: lookup, rules: map[string]rule{
%s}}
%sif len(p.faults) > 0 {
		return Env{}, errors.Join(p.faults...)
	}
	return e, nil
}

type rule struct {
	want     string
	required bool
	when     []condition
	fallback string
	from     string
	empty    bool
}

type condition struct {
	name   string
	values []string
}

type parser struct {
	lookup func(name string) (string, bool)
	rules  map[string]rule
	faults []error
}

// find gives the text of a variable: given, its default, or that of another.
func (p *parser) find(name string) (string, bool) {
	for range len(p.rules) + 1 {
		r, known := p.rules[name]
		if text, ok := p.lookup(name); known && ok && (text != "" || r.empty) {
			return text, true
		}
		if r.fallback != "" {
			return r.fallback, true
		}
		if r.from == "" {
			return "", false
		}
		name = r.from
	}
	return "", false
}

func (p *parser) read(name string, parse func(text string) bool) {
	r := p.rules[name]
	text, ok := p.find(name)
	switch {
	case ok && !parse(text):
		p.faults = append(p.faults, fmt.Errorf("cannot use %%s: it is not %%s", name, r.want))
	case !ok && (r.required || p.holds(r.when)):
		p.faults = append(p.faults, fmt.Errorf("cannot find a value for %%s: it is required", name))
	}
}

func (p *parser) holds(conditions []condition) bool {
	for _, c := range conditions {
		text, ok := p.find(c.name)
		if !ok {
			return false
		}
		met := len(c.values) == 0
		for _, value := range c.values {
			met = met || value == text
		}
		if !met {
			return false
		}
	}
	return len(conditions) > 0
}
`

const goSecret = `
// A Secret prints redacted; string(s) is what it is.
type Secret string

func (Secret) String() string               { return "[secret]" }
func (Secret) GoString() string             { return "[secret]" }
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
`

// A goFunction is one that generated code may call.
type goFunction struct{ name, source string }

func goFunctions() []goFunction {
	return []goFunction{
		{"parseInt", `
func parseInt(pattern, text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && regexp.MustCompile(pattern).MatchString(text)
}
`},
		{"parseFloat", `
func parseFloat(pattern, text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && regexp.MustCompile(pattern).MatchString(text)
}
`},
		{"parsePort", `
func parsePort(pattern, text string) (uint16, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && regexp.MustCompile(pattern).MatchString(text)
}
`},
		{"parseDuration", `
func parseDuration(pattern, text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil && regexp.MustCompile(pattern).MatchString(text)
}
`},
		{"parseBytes", `
// parseBytes reads a size: k, M, G and T count in thousands, Ki and so on in 1024s.
func parseBytes(pattern, text string) (int64, bool) {
	if !regexp.MustCompile(pattern).MatchString(text) {
		return 0, false
	}
	digits := strings.TrimRight(text, "BKMGTki ")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit := strings.TrimSuffix(strings.TrimPrefix(text[len(digits):], " "), "B")
	scale := int64(1000)
	if strings.HasSuffix(unit, "i") {
		scale, unit = 1024, strings.TrimSuffix(unit, "i")
	}
	for range map[string]int{"": 0, "k": 1, "m": 2, "g": 3, "t": 4}[strings.ToLower(unit)] {
		if n > math.MaxInt64/scale {
			return 0, false
		}
		n *= scale
	}
	return n, err == nil && n <= 1<<53-1
}
`},
		{"parseBase64", `
func parseBase64(pattern string, least int, text string) ([]byte, bool) {
	digits := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)
	v, err := base64.RawStdEncoding.DecodeString(digits)
	return v, err == nil && len(v) >= least && regexp.MustCompile(pattern).MatchString(text)
}
`},
		{"parseList", `
func parseList[T any](separator, text string, parse func(text string) (T, bool)) ([]T, bool) {
	items := []T{}
	if text == "" {
		return items, true
	}
	for _, part := range strings.Split(text, separator) {
		part = strings.Trim(part, " \t\n\v\f\r")
		item, ok := parse(part)
		if part == "" || !ok {
			return nil, false
		}
		items = append(items, item)
	}
	return items, true
}
`},
		{"matches", `
func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }
`},
	}
}
