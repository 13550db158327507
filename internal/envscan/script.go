package envscan

import "slices"

// scriptUses finds process.env.X, process.env["X"] and { X } = process.env, the
// same of import.meta.env, of Bun.env and of a constant that stands for one of
// them, and Deno.env.get("X").
func scriptUses(src string) []found {
	r := &scriptReader{tokens: scriptTokens(src), aliases: map[string]bool{}}
	// A constant may be used above the line that makes it, in a function.
	for i := range r.tokens {
		r.alias(i)
	}
	for i := range r.tokens {
		if end, builtin := r.object(i); end > 0 {
			r.reads(i, end, builtin)
		}
		r.deno(i)
	}
	return r.uses
}

// A scriptReader looks for objects that are the environment.
type scriptReader struct {
	tokens  []token
	aliases map[string]bool
	uses    []found
}

// at is a token; behind the last one there are empty ones.
func (r *scriptReader) at(i int) token {
	if i < 0 || i >= len(r.tokens) {
		return token{kind: punct}
	}
	return r.tokens[i]
}

func (r *scriptReader) matches(i int, texts ...string) bool {
	for j, text := range texts {
		if t := r.at(i + j); !t.is(text) && (text != "." || !t.is("?.")) {
			return false
		}
	}
	return true
}

// object tells where an object ends that begins at i and is the environment; 0
// when there is none. Those of Vite come with some variables built in.
func (r *scriptReader) object(i int) (end int, builtin []string) {
	if before := r.at(i - 1); (before.is(".") || before.is("?.")) && !r.global(i-2) {
		return 0, nil
	}
	switch {
	case r.matches(i, "process", ".", "env"), r.matches(i, "Bun", ".", "env"):
		return i + 3, nil
	case r.matches(i, "import", ".", "meta", ".", "env"):
		return i + 5, []string{"MODE", "BASE_URL", "PROD", "DEV", "SSR"}
	case r.at(i).kind == word && r.aliases[r.at(i).text] && !r.at(i+1).is("=") && !r.at(i+1).is(":"):
		return i + 1, nil
	}
	return 0, nil
}

func (r *scriptReader) global(i int) bool {
	return slices.ContainsFunc([]string{"globalThis", "global", "window", "self"}, r.at(i).is)
}

// alias remembers NAME in `const NAME = process.env`.
func (r *scriptReader) alias(i int) {
	end, _ := r.object(i)
	if end == 0 || !r.at(i-1).is("=") || r.at(i-2).kind != word || !slices.ContainsFunc([]string{"const", "let", "var"}, r.at(i-3).is) {
		return
	}
	if after := r.at(end); !after.is(".") && !after.is("?.") && !after.is("[") {
		r.aliases[r.at(i-2).text] = true
	}
}

// reads finds what is read of an environment that stands from begin to end.
func (r *scriptReader) reads(begin, end int, builtin []string) {
	add := func(i int) {
		if t := r.at(i); isName(t.text) && !slices.Contains(builtin, t.text) {
			r.uses = append(r.uses, found{t.text, t.at})
		}
	}
	if r.at(end).is("!") {
		end++ // TypeScript's: it is there
	}
	next := end + 1
	if r.at(end).is("?.") && r.at(next).is("[") {
		end, next = end+1, next+1
	}
	switch {
	case (r.at(end).is(".") || r.at(end).is("?.")) && r.at(next).kind == word:
		if !r.at(next + 1).is("=") { // it is not set
			add(next)
		}
	case r.at(end).is("[") && r.at(next).kind == str && r.at(next+1).is("]"):
		if !r.at(next + 2).is("=") {
			add(next)
		}
	case r.at(begin-1).is("=") && r.at(begin-2).is("}"):
		r.pattern(begin-2, add)
	}
}

// pattern finds the names in { A, B: c, D = 1, ...rest } that ends at i.
func (r *scriptReader) pattern(i int, add func(int)) {
	begin, depth := i, 0
	for ; begin >= max(0, i-longest); begin-- {
		switch t := r.at(begin); {
		case t.is("}") || t.is(")") || t.is("]"):
			depth++
		case t.is("{") || t.is("(") || t.is("[") || t.is("${"):
			depth--
		}
		if depth == 0 {
			break
		}
	}
	depth = 0
	for at := begin; at < i; at++ {
		t := r.at(at)
		switch {
		case t.is("{") || t.is("(") || t.is("["):
			depth++
		case t.is("}") || t.is(")") || t.is("]"):
			depth--
		}
		if depth == 1 && (t.is("{") || t.is(",")) && (r.at(at+1).kind == word || r.at(at+1).kind == str) {
			add(at + 1)
		}
	}
}

// deno finds Deno.env.get("X").
func (r *scriptReader) deno(i int) {
	if r.matches(i, "Deno", ".", "env", ".", "get", "(") && r.at(i+6).kind == str && isName(r.at(i+6).text) {
		r.uses = append(r.uses, found{r.at(i + 6).text, r.at(i + 6).at})
	}
}
