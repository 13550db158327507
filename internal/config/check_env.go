package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// checkBuild wants each variable of an install or a build step to be declared
// for builds, and each tool to be there.
func checkBuild(f *File) (faults fault.List) {
	faults = f.checkInstalling(f.Workspace.Installing, keyPath{"workspace"})
	for i, n := range f.Workspace.Nested {
		faults = append(faults, f.checkInstalling(n.Installing, keyPath{"workspace", "nested", strconv.Itoa(i)})...)
	}
	for i, step := range f.Workspace.Build {
		keys := keyPath{"workspace", "build", strconv.Itoa(i)}
		faults = append(faults, f.checkReads("a build step", step.Env, keys.child("env"))...)
		if step.SSH != "" && !step.Network {
			faults = append(faults, f.At(keys.child("ssh")...).Cannot("give the SSH agent to a build step without a network").WithHint("add network: true"))
		}
		if step.Git && f.Git == "none" {
			faults = append(faults, f.At(keys.child("git")...).Cannot("give the repository to a build step: the box has none").WithHint("set git: head, or full for its history and tags"))
		}
		for j, name := range step.Tools {
			if _, ok := f.Tools[name]; !ok && name != "" {
				faults = append(faults, missing(f.At(keys.child("tools").child(strconv.Itoa(j))...), "tool", name, f.Tools).orHint("add it to tools"))
			}
		}
	}
	return faults
}

// checkInstalling wants an install to read variables of builds, and inputs of
// scripts to be those of scripts that have some.
func (f *File) checkInstalling(say Installing, keys keyPath) fault.List {
	faults := f.checkReads("the install", say.Env, keys.child("env"))
	if say.Hooks == "install" && len(say.HookInputs) > 0 {
		faults = append(faults, f.At(keys.child("hook-inputs")...).Cannot("use hook-inputs: with hooks: install the scripts see the files that they name, and no others").
			WithHint("remove hook-inputs, or hooks"))
	}
	return faults
}

// checkReads wants each of names to be a variable of builds.
func (f *File) checkReads(reader string, names []string, keys keyPath) (faults fault.List) {
	for j, name := range names {
		at := f.At(keys.child(strconv.Itoa(j))...)
		v, ok := f.Env[name]
		switch {
		case name == "": // said already
		case !ok:
			faults = append(faults, missing(at, "variable", name, f.Env).orHint("declare it: env: {%s: {scope: build}}", name))
		case len(v.Scope) > 0 && !v.In(ScopeBuild):
			faults = append(faults, at.Cannot("give %s to %s: its scope is %s", name, reader, strings.Join(v.Scope, ", ")).
				WithHint("set scope: build for %s, in line %d", name, f.At("env", name).Line))
		}
	}
	return faults
}

func checkVariables(f *File) (faults fault.List) {
	for _, name := range slices.Sorted(maps.Keys(f.Env)) {
		v := f.Env[name]
		c := variableCheck{file: f, name: name, v: v, keys: keyPath{"env", name}, reach: f.reachOf(v)}
		faults = append(faults, c.all()...)
		faults = append(faults, checkReaders(f, name, v)...)
	}
	first := map[string]twin{}
	for name, v := range f.Env {
		first[name] = twin{v, f.At("env", name)}
	}
	for _, service := range slices.Sorted(maps.Keys(f.Services)) {
		s := f.Services[service]
		for _, name := range slices.Sorted(maps.Keys(s.Vars)) {
			c := variableCheck{file: f, name: name, v: s.Vars[name], keys: keyPath{"services", service, "env", name}, reach: f.reachIn(service)}
			faults = append(faults, c.all()...)
			faults = append(faults, checkTwins(f, service, name, first)...)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Env)) {
			if f.Env[name].Secret {
				faults = append(faults, f.At("services", service, "env", name).Cannot("fix the value of %s: it is a secret, and this file is no place for one", name).
					WithHint("remove it; %s sees the variable by its name", service))
			}
		}
	}
	return append(faults, checkDefaultCycles(f)...)
}

// A twin is the first declaration of a name, and where it stands.
type twin struct {
	v  Variable
	at fault.Position
}

// checkTwins wants those that share a name, and so the value that is given, to
// agree whether it is a secret, and where it is read.
func checkTwins(f *File, service, name string, first map[string]twin) fault.List {
	v, at := f.Services[service].Vars[name], f.At("services", service, "env", name)
	one, ok := first[name]
	switch {
	case !ok:
		first[name] = twin{v, at}
	case v.Secret != one.v.Secret:
		what := "it is a secret in line %d, and not here"
		if v.Secret {
			what = "it is a secret here, and not in line %d"
		}
		return fault.List{at.Cannot("declare %s: "+what, name, one.at.Line).
			WithHint("write secret: true in both; what is given for the one is given for the other")}
	case v.From.File != one.v.From.File || !slices.Equal(v.From.Exec, one.v.From.Exec):
		return fault.List{at.Cannot("declare %s: in line %d it is read from elsewhere", name, one.at.Line).
			WithHint("write the same from in both, or give it another name")}
	}
	return nil
}

// checkReaders wants the services of a variable to be there.
func checkReaders(f *File, name string, v Variable) (faults fault.List) {
	for i, service := range v.Services {
		if _, ok := f.Services[service]; !ok && service != "" {
			faults = append(faults, missing(f.At("env", name, "services", strconv.Itoa(i)), "service", service, f.Services).
				orHint("name a service of this file"))
		}
	}
	if len(v.Scope) > 0 && !v.In(ScopeRun) && f.has("env", name, "services") {
		faults = append(faults, f.At("env", name, "services").Cannot("give %s to services: its scope is %s", name, strings.Join(v.Scope, ", ")).
			WithHint("remove services, or set scope: run"))
	}
	return faults
}

// A variableCheck looks at one variable.
type variableCheck struct {
	file  *File
	name  string
	v     Variable
	keys  keyPath // that lead to it
	reach reach
}

func (c variableCheck) at(keys ...string) fault.Position {
	return c.file.At(slices.Concat(c.keys, keys)...)
}
func (c variableCheck) has(key string) bool {
	return c.file.has(slices.Concat(c.keys, keyPath{key})...)
}

func (c variableCheck) all() fault.List {
	if c.v.Type == "" { // it could not be read
		return nil
	}
	return slices.Concat(c.parameters(), c.texts(), c.defaultFrom(), c.requiredIf(), c.provider())
}

// parameters wants those that the type needs, and no others.
func (c variableCheck) parameters() (faults fault.List) {
	for _, p := range []struct {
		key string
		of  spec.ValueType
	}{
		{"values", vartype.Enum},
		{"schemes", vartype.URL},
		{"pattern", vartype.Regex},
		{"exists", vartype.Path},
		{"kind", vartype.Path},
		{"schema", vartype.JSON},
		{"min-bytes", vartype.Base64},
		{"items", vartype.List},
		{"separator", vartype.List},
	} {
		if c.has(p.key) && c.v.Type != p.of {
			faults = append(faults, c.at(p.key).Cannot("use %s: %s is not %s", p.key, c.name, withArticle(p.of)).WithHint("set type: %s", p.of))
		}
	}
	switch {
	case c.v.Type == vartype.Enum && !c.has("values"):
		faults = append(faults, c.at().Cannot("find values: the enum %s needs them", c.name).WithHint("add values: [one, another]"))
	case c.v.Type == vartype.Regex && !c.has("pattern"):
		faults = append(faults, c.at().Cannot("find a pattern: the regex %s needs one", c.name).WithHint("add pattern: \"[a-z]+\""))
	}
	faults = append(faults, c.senseless()...)
	if c.v.AllowEmpty && c.v.Type != vartype.String && c.v.Type != vartype.List {
		faults = append(faults, c.at("allow-empty").Cannot("allow %s to be empty: it is %s", c.name, withArticle(c.v.Type)).WithHint("remove allow-empty; an empty value counts as none"))
	}
	return faults
}

// senseless are parameters that no value fits, or that say a thing twice.
func (c variableCheck) senseless() (faults fault.List) {
	for i, value := range c.v.Values {
		at := c.at("values", strconv.Itoa(i))
		switch {
		case value == "":
			faults = append(faults, at.Cannot("use the empty text as a value of the enum %s: it counts as none", c.name).WithHint("remove it; a variable that is not required may be unset"))
		case slices.Index(c.v.Values, value) < i:
			faults = append(faults, at.Cannot("use %q as a value of the enum %s: it is there twice", clip(value), c.name).WithHint("remove one of the two"))
		}
	}
	for i, scheme := range c.v.Schemes {
		if scheme != "" && slices.Index(c.v.Schemes, scheme) < i {
			faults = append(faults, c.at("schemes", strconv.Itoa(i)).Cannot("use the scheme %s of %s: it is there twice", scheme, c.name).WithHint("remove one of the two"))
		}
	}
	return faults
}

func withArticle(t spec.ValueType) string {
	if strings.ContainsRune("aeio", rune(t[0])) {
		return "an " + string(t)
	}
	return "a " + string(t)
}

// texts wants the default and the example to be of the type. The default of a
// secret is never shown.
func (c variableCheck) texts() (faults fault.List) {
	if c.v.Default != nil && c.v.Secret {
		return fault.List{c.at("default").Cannot("use a default for %s: it is a secret, and this file is no place for one", c.name).
			WithHint("remove default, and give the value by the environment or --env-file")}
	}
	if c.v.Type == vartype.Enum && len(c.v.Values) == 0 || c.v.Type == vartype.Regex && c.v.Pattern == "" {
		return nil // said already
	}
	var check vartype.Checker
	fits := func(key, text string) {
		if ok, _ := check.Fits(c.v.Rule, text); !ok && text != "" {
			faults = append(faults, c.at(key).Cannot("use %s %q: it is not %s", key, clip(text), vartype.Want(c.v.Rule)))
		}
	}
	if c.v.Default != nil {
		fits("default", *c.v.Default)
	}
	if c.v.Secret && c.v.Example != "" {
		if ok, _ := check.Fits(c.v.Rule, c.v.Example); !ok {
			faults = append(faults, c.at("example").Cannot("use the example of %s: it is not %s", c.name, vartype.Want(c.v.Rule)))
		}
		return faults
	}
	fits("example", c.v.Example)
	return faults
}

// defaultFrom wants another variable, and no secret to lose its name.
func (c variableCheck) defaultFrom() (faults fault.List) {
	from := c.v.DefaultFrom
	if from == "" {
		return nil
	}
	at := c.at("default-from")
	other, ok := c.reach.find(from)
	switch {
	case c.v.Default != nil:
		faults = append(faults, at.Cannot("use default-from for %s: it has a default", c.name).WithHint("remove one of the two"))
	case from == c.name:
		faults = append(faults, at.Cannot("take the default of %s from itself", c.name).WithHint("name another variable"))
	case !ok:
		faults = append(faults, c.reach.missing(at, from))
	case other.Secret && !c.v.Secret:
		faults = append(faults, at.Cannot("take the default of %s from %s: that is a secret", c.name, from).WithHint("set secret: true for %s too", c.name))
	}
	return faults
}

// requiredIf wants conditions on other variables that can hold and that tell
// nothing of a secret.
func (c variableCheck) requiredIf() (faults fault.List) {
	var check vartype.Checker
	for _, w := range c.v.RequiredIf {
		at := c.at("required-if", w.Name)
		other, ok := c.reach.find(w.Name)
		switch {
		case w.Name == "": // said already
		case w.Name == c.name:
			faults = append(faults, at.Cannot("require %s where it has a value", c.name).WithHint("name another variable"))
		case !ok:
			faults = append(faults, c.reach.missing(at, w.Name))
		case other.Secret && len(w.Values) > 0:
			faults = append(faults, at.Cannot("compare %s: it is a secret", w.Name).WithHint("write required-if: %s, which asks whether it has a value", w.Name))
		default:
			for _, value := range w.Values {
				if ok, _ := check.Fits(other.Rule, value); !ok {
					faults = append(faults, at.Cannot("compare %s with %q: it is not %s", w.Name, clip(value), vartype.Want(other.Rule)))
				}
			}
		}
	}
	return faults
}

// seenBy tells whether a service reads it.
func (c variableCheck) seenBy(service string) bool {
	if c.keys[0] == "services" {
		return c.keys[1] == service
	}
	return c.file.SeenBy(service, c.name)
}

func (c variableCheck) provider() (faults fault.List) {
	if c.has("from") && !c.v.Secret {
		faults = append(faults, c.at("from").Cannot("read %s from a provider: it is not a secret", c.name).WithHint("set secret: true"))
	}
	for _, key := range []string{"deliver", "on-change"} {
		if c.has(key) && !c.v.Secret {
			faults = append(faults, c.at(key).Cannot("use %s: %s is not a secret", key, c.name).WithHint("set secret: true"))
		}
	}
	if c.v.Deliver == "fd" {
		for _, service := range slices.Sorted(maps.Keys(c.file.Services)) {
			if c.file.Services[service].S6 != "" && c.seenBy(service) {
				faults = append(faults, c.at("deliver").Cannot("deliver %s by a descriptor: %s is an s6 service, which has none", c.name, service).
					WithHint("write deliver: file, or name other services"))
			}
		}
	}
	inFrom := func(key string) bool { return c.file.has(slices.Concat(c.keys, keyPath{"from", key})...) }
	if inFrom("timeout") && !inFrom("exec") {
		faults = append(faults, c.at("from", "timeout").Cannot("use timeout for %s: no program is run", c.name).WithHint("remove timeout"))
	}
	return faults
}
