package env

import (
	"errors"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/vartype"
)

// An Explained is one declaration of a variable, and its layers.
type Explained struct {
	Name    string  `json:"name"`
	Service string  `json:"service,omitempty"` // whose own it is
	At      string  `json:"at"`                // file:line:column
	Secret  bool    `json:"secret"`
	Layers  []Layer `json:"layers"`          // the strongest first
	Fault   string  `json:"fault,omitempty"` // why its value cannot be used
}

// A Layer is what one of them has for a variable.
type Layer struct {
	Name  string `json:"name"`
	Set   bool   `json:"set"`
	Value string `json:"value"` // redacted; "not set", or "empty, which counts as none"
	Used  bool   `json:"used"`
}

// Only is the schema in which no other variable is asked for, so that no
// provider of another is.
func (s Schema) Only(name string) Schema {
	only := func(vars []Variable) []Variable {
		vars = slices.Clone(vars)
		for i := range vars {
			vars[i].Unused = vars[i].Unused || vars[i].Name != name
		}
		return vars
	}
	out := Schema{Variables: only(s.Variables), InBox: s.InBox}
	for _, svc := range s.Services {
		out.Services = append(out.Services, Service{svc.Name, svc.Sees, only(svc.Own)})
	}
	return out
}

// Explain shows the layers of each declaration of a name; of every one where
// the name is empty.
func (s Schema) Explain(name string, sources []Source) (out []Explained) {
	_, faults := Resolver{}.resolve(s, sources)
	add := func(vars []Variable, service string) {
		for _, v := range vars {
			if name == "" || v.Name == name {
				e := Explained{Name: v.Name, Service: service, At: v.Pos.String(), Secret: v.Secret, Layers: v.layers(sources, s)}
				e.Fault = about(faults, v.Name, service)
				out = append(out, e)
			}
		}
	}
	add(s.Variables, "")
	for _, svc := range s.Services {
		add(svc.Own, svc.Name)
	}
	return out
}

// about is what is wrong with one declaration, in the words of a fault.
func about(faults fault.List, name, service string) string {
	for _, f := range faults {
		var p *Problem
		if errors.As(f, &p) && p.Variable == name && p.Service == service {
			return f.What
		}
	}
	return ""
}

// layers is what each source has for v, and what its declaration has.
func (v Variable) layers(sources []Source, schema Schema) (out []Layer) {
	used := false
	add := func(name, text string, set, secret bool) {
		layer := Layer{Name: name, Set: set, Value: Value{Text: text, Secret: secret}.String()}
		switch {
		case !set:
			layer.Value = "not set"
		case text == "" && !v.AllowEmpty:
			layer.Value = "empty, which counts as none"
		default:
			layer.Value, layer.Used, used = v.withoutUser(layer.Value), !used, true
		}
		out = append(out, layer)
	}
	for _, source := range sources {
		if text, set := source.Values[v.Name]; set || v.Secret || source.Name != providerName {
			add(source.origin(v.Name), text, set, v.Secret || source.madeOf(schema)[v.Name] != "")
		}
	}
	if v.DefaultFrom != "" {
		add("default-from "+v.DefaultFrom, "its value", true, v.Secret)
	} else {
		add("default", text(v.Default), v.Default != nil, v.Secret)
	}
	return out
}

// withoutUser hides what stands before the host of a URL. Where that ends is
// for the last @ to say, as the text may be none.
func (v Variable) withoutUser(text string) string {
	at := strings.LastIndexByte(text, '@')
	if at < 0 || v.Type != vartype.URL && v.Items != vartype.URL {
		return text
	}
	scheme, _, found := strings.Cut(text[:at], "://")
	if !found {
		return redacted + text[at:]
	}
	return scheme + "://" + redacted + text[at:]
}
