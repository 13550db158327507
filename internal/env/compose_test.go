package env

import (
	"io"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
)

// What ParseFile accepts, Compose's own reader reads the same.
func FuzzParseFileAsComposeDoes(f *testing.F) {
	logrus.SetOutput(io.Discard)
	for _, seed := range []string{
		"A=1\nexport B='x\ny' # c\nC=\"\\n\\$\\\\\"\nD=$A${B}$$\n", "\ufeffA = 1\r\nB: 2 # c\r\n", "A=${HOST:-${EMPTY-x}}-y}\n",
		"A='it\\'s'\nB=\"\\\"\"\nC=a#b\n", "export =4\n", "A=\t# c\n", "A=$\u017f\n", "A=\u00a0x\u2003\nB=\v1\n", "A={$HOST}\nB=${A:+{}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseFile(".env", data, given)
		if err != nil {
			return
		}
		want, err := dotenv.ParseWithLookup(strings.NewReader(string(data)), given)
		if err != nil {
			t.Fatalf("Compose refuses %q: %v", data, err)
		}
		if diff := cmp.Diff(want, s.Values); diff != "" {
			t.Errorf("%q: -compose +ours:\n%s", data, diff)
		}
	})
}

// The forms that Compose's documentation shows are read, and read the same.
func TestParseFileReadsComposesForms(t *testing.T) {
	for _, text := range []string{
		"VAR=VAL", "VAR=\"VAL\"", "VAR='VAL'", "VAR: VAL", "VAR=VAL # comment", "VAR=VAL# not a comment", "VAR=\"VAL # not a comment\"", "VAR=\"VAL\" # comment",
		"VAR='$OTHER'", "VAR='${OTHER}'", "VAR='Let\\'s go!'", "VAR=\"{\\\"hello\\\": \\\"json\\\"}\"", "VAR=\"some\\tvalue\"", "VAR='some\\tvalue'", "VAR=some\\tvalue",
		"KEY='SOME\nVALUE'", "VAR=${HOST}", "VAR=\"${HOST:-x}\"", "VAR=${EMPTY-x}", "VAR=${HOST:?error}", "VAR=${HOST:+y}", "VAR=", "export VAR=VAL", "# c\n\nVAR=a=b",
	} {
		s, err := ParseFile(".env", []byte(text), given)
		want, composeErr := dotenv.ParseWithLookup(strings.NewReader(text), given)
		if err != nil || composeErr != nil || !cmp.Equal(want, s.Values) {
			t.Errorf("%q: %v, %v, Compose %v, %v", text, s.Values, err, want, composeErr)
		}
	}
}
