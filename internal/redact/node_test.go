package redact_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/redact"
)

// nodeForms prints, as JSON, what a value becomes in the encoders of node.
const nodeForms = `
const values = JSON.parse(process.argv[1]);
console.log(JSON.stringify(values.map((v) => ({
  stringify: JSON.stringify({ v }),
  twice: JSON.stringify(JSON.stringify({ v })),
  component: encodeURIComponent(v),
  uri: encodeURI(v),
  params: new URLSearchParams({ v }).toString(),
  url: new URL("http://h/?v=" + encodeURIComponent(v)).href,
  raw: new URL("http://h/?v=" + v).href,
  base64: Buffer.from("user:" + v).toString("base64"),
  base64url: Buffer.from(v + ":x").toString("base64url"),
  basic: "https://h/?auth=" + encodeURIComponent(Buffer.from("me:" + v).toString("base64")),
}))));`

// What the real encoders of JavaScript make of a secret is found.
func TestNodesEncoders(t *testing.T) {
	values := []string{token, pemKey, "päss wörd/+=", "tab\tand \"quotes\" \\ back", "emoji 🔑 key", "a~b!c*d'e(f)g", "${x} `y` <z> &w;", "sk-live-0123456789abcdef"}
	given, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("node", "-e", nodeForms, string(given)).Output()
	if err != nil {
		t.Fatalf("this test needs node: %v", err)
	}
	var forms []map[string]string
	if err := json.Unmarshal(out, &forms); err != nil || len(forms) != len(values) {
		t.Fatalf("%d forms: %v", len(forms), err)
	}
	for i, value := range values {
		set := redact.New(map[string]string{"V": value})
		for name, text := range forms[i] {
			if name == "raw" && strings.ContainsAny(value, "#\t") {
				continue // what is behind a # is no part of the query, and a tab goes
			}
			if got := set.Text(text); !strings.Contains(got, "[redacted V]") {
				t.Errorf("%q by %s is not found in %s", value, name, text)
			}
		}
	}
}
