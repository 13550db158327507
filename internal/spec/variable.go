package spec

// A Variable is the schema of one start-time variable. The spec lies in the
// image: a default may stand in it, a given value never does.
type Variable struct {
	Name string `json:"name"`
	At   string `json:"at,omitempty"` // file:line:column of its declaration
	Rule
	Required    bool    `json:"required,omitempty"`
	RequiredIf  []When  `json:"requiredIf,omitempty"`  // it is required where all of them hold
	Default     *string `json:"default,omitempty"`     // never of a secret
	DefaultFrom string  `json:"defaultFrom,omitempty"` // the variable whose value it has where it has none
	Secret      bool    `json:"secret,omitempty"`
	AllowEmpty  bool    `json:"allowEmpty,omitempty"` // the empty text is a value; else it is none
}

// A Secret is how a service gets the value of a secret variable, and what
// follows when that becomes another one. The zero Secret is a variable of the
// environment, and a service that does not hear of a change.
type Secret struct {
	Deliver  Delivery `json:"deliver,omitempty"`
	OnChange string   `json:"onChange,omitempty"` // restart, or a signal such as SIGHUP
}

// A Delivery is a way to a service.
type Delivery string

// The deliveries. Of NAME, a file's path is in NAME_FILE, a descriptor's number
// in NAME_FD.
const (
	ByEnv  Delivery = ""
	ByFile Delivery = "file" // in memory, readable by the service's user alone
	ByFD   Delivery = "fd"   // open for reading, in memory
)

// A When is a condition on another variable: that its value is one of Values,
// or where those are empty that it has a value.
type When struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"`
}

// A Rule is what the text of a variable must be. The zero Rule takes any.
type Rule struct {
	Type      ValueType `json:"type,omitempty"`      // empty is a string
	Values    []string  `json:"values,omitempty"`    // of an enum
	Schemes   []string  `json:"schemes,omitempty"`   // of a url, in lower case; empty: any
	Pattern   string    `json:"pattern,omitempty"`   // of a regex: RE2, which the whole text matches
	Exists    bool      `json:"exists,omitempty"`    // of a path: something is there
	Kind      string    `json:"kind,omitempty"`      // of a path: file or dir is there; empty: either
	Schema    string    `json:"schema,omitempty"`    // of a json: a JSON Schema, as JSON
	MinBytes  int       `json:"minBytes,omitempty"`  // of a base64: of what it encodes
	Items     ValueType `json:"items,omitempty"`     // of a list; empty is a string
	Separator string    `json:"separator,omitempty"` // of a list; empty is a comma
}

// A ValueType names what the text of a variable must be; internal/vartype has
// them all.
type ValueType string
