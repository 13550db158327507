package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// Named are the kinds that the file names a key or an identity for: evidence
// of those kinds must be there.
func (p Policy) Named() (kinds []Kind) {
	for _, n := range []struct {
		kind Kind
		is   bool
	}{{Minisign, p.Minisign != ""}, {PGP, p.PGP != nil}, {Sigstore, p.Sigstore != nil}, {Provenance, p.Provenance != nil}, {Cosign, p.Cosign != nil}} {
		if n.is {
			kinds = append(kinds, n.kind)
		}
	}
	return kinds
}

// missing tells what the file asks for and v does not have.
func (p Policy) missing(s Subject, v Verdict) (faults fault.List) {
	for _, kind := range p.Named() {
		if len(ofKind(v.Records, kind)) == 0 {
			faults = append(faults, p.fault("trust %s: sandwright.yaml names who vouches for it with %s, and %s %s no such evidence", s.What, kind, s.From, s.verb()).
				WithHint("see why, and whether an older version has it; then run: sandwright lock --update %s", p.Tool))
		}
	}
	if p.Require != "" && rank(v.Level()) < rank(p.Require) {
		faults = append(faults, p.fault("trust %s: it requires %s, and what %s %s is %s", s.What, p.Require, s.From, s.verb(), describe(v.Records)).
			WithHint("%s", strings.Join(append(slices.Clone(v.Notices), "or lower require of "+p.name()), "; ")))
	}
	return faults
}

// verb is what the place does that evidence comes from.
func (s Subject) verb() string {
	if s.From == lockName {
		return "says"
	}
	return "serves"
}

// weaker tells what the lock pins and v lacks. It is silent where the file
// says that integrity is enough, and about a signer whom the file names anew.
func (p Policy) weaker(s Subject, v Verdict) (faults fault.List) {
	if p.Require == IntegrityOnly {
		return nil
	}
	for _, was := range p.Pinned {
		is := ofKind(v.Records, was.Kind)
		same := slices.ContainsFunc(is, func(r Record) bool { return r.Signer == was.Signer && r.Issuer == was.Issuer })
		switch {
		case same, len(is) > 0 && (was.Kind == NPMSignature || slices.Contains(p.Named(), was.Kind)):
		case len(is) > 0:
			faults = append(faults, p.fault("trust %s: sandwright.lock pins %s, and what %s serves is %s", s.What, was, s.From, describe(is)).
				WithHint("if that is right, name the new one in sandwright.yaml: %s.%s", p.place(), was.Kind))
		default:
			faults = append(faults, p.fault("trust %s: sandwright.lock pins %s, and what %s serves is %s", s.What, was, s.From, describe(v.Records)).
				WithHint("see why; if it may be weaker from now on, say so in sandwright.yaml: %s.require: integrity", p.place()))
		}
	}
	return faults
}

// pinnedAnew tells whom the lock will trust from now on without being named in
// the file.
func (p Policy) pinnedAnew(records []Record) (notices []string) {
	for _, r := range records {
		pinned := slices.ContainsFunc(p.Pinned, func(o Record) bool { return o.Kind == r.Kind && o.Signer == r.Signer && o.Issuer == r.Issuer })
		if !pinned && r.Issuer != "" && !slices.Contains(p.Named(), r.Kind) {
			notices = append(notices, fmt.Sprintf("%s: trusting for the first time: %s; name it in sandwright.yaml to have it reviewed", p.name(), r))
		}
	}
	return notices
}

func ofKind(records []Record, kind Kind) []Record {
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.Kind != kind })
}

// describe is records as people read them: "integrity only" for none.
func describe(records []Record) string {
	if len(records) == 0 {
		return "integrity only"
	}
	words := make([]string, len(records))
	for i, r := range records {
		words[i] = r.String()
	}
	return strings.Join(words, ", ")
}
