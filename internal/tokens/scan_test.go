package tokens

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// chance makes n characters of a class: no token stands in this file.
func chance(seed uint64, n int, of string) string {
	r := mathrand.New(mathrand.NewPCG(seed, 1))
	var chars []byte
	for b, in := range classOf(of) {
		if in {
			chars = append(chars, byte(b))
		}
	}
	out := make([]byte, n)
	for i := range out {
		out[i] = chars[r.IntN(len(chars))]
	}
	return string(out)
}

func scan(t *testing.T, text string) []Finding {
	t.Helper()
	s := NewFormats().Scanner()
	if _, err := io.Copy(s, struct{ io.Reader }{strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s.Findings
}

// tokens has one of each format.
func tokens() map[string]string {
	const alnum, hex, url = "0-9A-Za-z", "0-9a-f", "0-9A-Za-z_-"
	return map[string]string{
		"AK" + "IA" + chance(1, 16, "A-Z2-7"):                                        "a key of AWS",
		"gh" + "p_" + chance(2, 36, alnum):                                           "a token of GitHub",
		"github" + "_pat_" + chance(3, 22, alnum) + "_" + chance(4, 59, alnum):       "a token of GitHub",
		"gl" + "pat-" + chance(5, 20, alnum):                                         "a token of GitLab",
		"xo" + "xb-" + "98761234501-9876501234512-" + chance(6, 24, alnum):           "a token of Slack",
		"https://hooks.slack" + ".com/services/T" + chance(7, 40, "0-9A-Z"):          "a web hook of Slack",
		"sk" + "_live_" + chance(8, 24, alnum):                                       "a live key of Stripe",
		"AI" + "za" + chance(9, 35, alnum):                                           "a key of Google",
		"np" + "m_" + chance(10, 36, alnum):                                          "a token of npm",
		"//registry/:_auth" + "Token=" + chance(11, 36, url):                         "a token of npm",
		"py" + "pi-AgEIcHlwaS5vcmc" + chance(12, 80, alnum):                          "a token of PyPI",
		"sk" + "-" + chance(13, 20, alnum) + "T3Blbk" + "FJ" + chance(14, 20, alnum): "a key of OpenAI",
		"sk" + "-ant-api03-" + chance(15, 93, alnum):                                 "a key of Anthropic",
		"hf" + "_" + chance(16, 34, "A-Za-z"):                                        "a token of Hugging Face",
		"SG" + "." + chance(17, 22, alnum) + "." + chance(18, 43, alnum):             "a key of SendGrid",
		"dop" + "_v1_" + chance(19, 64, hex):                                         "a token of DigitalOcean",
		"shp" + "at_" + chance(20, 32, hex):                                          "a token of Shopify",
		"da" + "pi" + chance(21, 32, hex):                                            "a token of Databricks",
		"lin" + "_api_" + chance(22, 40, alnum):                                      "a key of Linear",
		"NR" + "AK-" + chance(23, 27, "0-9A-Z"):                                      "a key of New Relic",
		"dckr" + "_pat_" + chance(24, 27, alnum):                                     "a token of Docker Hub",
		"tskey" + "-auth-" + chance(25, 40, alnum):                                   "a key of Tailscale",
		"Account" + "Key=" + chance(26, 86, alnum) + "==":                            "a key of an Azure account",
		"AGE-SECRET" + "-KEY-1" + chance(27, 58, "0-9A-Z"):                           "a secret key of age",
	}
}

func TestTokens(t *testing.T) {
	for token, what := range tokens() {
		for _, around := range []string{"%", "a: %\n", `{"key": "%"}`, "x=%;", "\n\n%\n"} {
			got := scan(t, strings.ReplaceAll(around, "%", token))
			if len(got) != 1 || got[0].What != what {
				t.Errorf("%s… as in %q: %v, want %s", token[:6], around, got, what)
			}
		}
	}
}

// A token is found wherever it stands, and however it comes.
func TestTokensInLargeFiles(t *testing.T) {
	token := "gh" + "p_" + chance(2, 36, "0-9A-Za-z")
	for _, before := range []int{0, 1, reach - 1, reach, 2*reach - 20, 32<<10 - 7, 1 << 20} {
		text := strings.Repeat("0123456789abcde\n", before/16+1)[:before] + "\n" + token + "\n" + strings.Repeat("x\n", 4000)
		line := strings.Count(text[:before+1], "\n") + 1
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(text), "halves": iotest.HalfReader(strings.NewReader(text)), "bytes": iotest.OneByteReader(strings.NewReader(text)),
		} {
			s := NewFormats().Scanner()
			if _, err := io.CopyBuffer(s, struct{ io.Reader }{r}, make([]byte, 4096)); err != nil {
				t.Fatal(err)
			}
			s.Close()
			if len(s.Findings) != 1 || s.Findings[0].Line != line {
				t.Errorf("%s after %d bytes: %v, want line %d", name, before, s.Findings, line)
			}
		}
	}
}

func TestPrivateKeys(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"a file":          {text, 1},
		"JSON":            {`{"private_key": "` + strings.ReplaceAll(text, "\n", `\n`) + `"}`, 1},
		"indented":        {"  " + strings.ReplaceAll(text, "\n", "\n  "), 1},
		"a public key":    {strings.ReplaceAll(text, "PRIVATE", "PUBLIC"), 0},
		"the label alone": {"match /-----BEGIN PRIVATE KEY-----/ and /-----BEGIN RSA PRIVATE KEY-----/ in the text, whatever it says", 0},
		"left out":        {"-----BEGIN PRIVATE KEY-----\nMIIEvQ...\n-----END PRIVATE KEY-----\n" + strings.Repeat("words\n", 100), 0},
	} {
		if got := scan(t, c.text); len(got) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhatIsNoToken(t *testing.T) {
	for _, text := range []string{
		"", "g", "gh", "gh" + "p_", "AKIA" + "IOSFODNN7EXAMPLE", "gh" + "p_" + strings.Repeat("x", 36), "sk" + "_live_" + "XXXXXXXXXXXXXXXXXXXXXXXX",
		"np" + "m_" + strings.Repeat("0123456789", 4), "//r/:_auth" + "Token=${NPM_TOKEN}", "_auth" + "Token=your-token-goes-here",
		"x" + "gh" + "p_" + chance(2, 36, "0-9A-Za-z"), "AK" + "IA" + chance(1, 17, "A-Z2-7"), "ASIAN markets and AKIAK",
		"sk" + "_test_" + chance(8, 24, "0-9A-Za-z"), "sk" + "-" + chance(8, 48, "0-9A-Za-z"), "data:image/png;base64," + chance(30, 4000, "0-9A-Za-z+/"),
		"sha512-" + chance(31, 86, "0-9A-Za-z+/") + "==", string(bytes.Repeat([]byte{0}, 5000)),
	} {
		if got := scan(t, text); len(got) != 0 {
			t.Errorf("%.40q: %v", text, got)
		}
	}
}

func TestNamed(t *testing.T) {
	for p, want := range map[string]bool{
		".env": true, "apps/web/.env": true, ".env.local": true, ".env.production": true, ".envrc": true, ".env-prod": true, ".env.d": true,
		".env.example": false, ".env.local.example": false, "a/.env.sample": false, ".env.template": false, ".env.dist": false, ".env.schema": false,
		".environment": false, "env": false, "x.env.ts": false, "env.d.ts": false,
		"id_rsa": true, "keys/id_ed25519": true, "id_rsa.pub": false, "server.pem": false, "store.p12": true, "STORE.PFX": true, "x.jks": true,
		".netrc": true, ".npmrc": false, "home/.aws/credentials": true, "aws/credentials": false, ".docker/config.json": true, "docker/config.json": false,
		".kube/config": true, ".git-credentials": true, "prod.tfstate": true, "main.tf": false, ".htpasswd": true,
	} {
		if got := Named(p); (got != "") != want {
			t.Errorf("%s: %q", p, got)
		}
	}
}

func FuzzScan(f *testing.F) {
	for token := range tokens() {
		f.Add([]byte("x "+token+"\n"), 7)
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n"), 1)
	formats := NewFormats()
	f.Fuzz(func(t *testing.T, text []byte, part int) {
		whole, parts := formats.Scanner(), formats.Scanner()
		whole.Write(text)
		whole.Close()
		for rest := text; len(rest) > 0; {
			n := min(len(rest), max(part, 1))
			parts.Write(rest[:n])
			rest = rest[n:]
		}
		parts.Close()
		if len(whole.Findings) != len(parts.Findings) {
			t.Errorf("as a whole %v, in parts %v", whole.Findings, parts.Findings)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	text := []byte(strings.Repeat("export const handler = async (event) => { return show(event.path) } // do this, then that\n", 1<<13))
	formats := NewFormats()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := formats.Scanner()
		for rest := text; len(rest) > 0; rest = rest[min(len(rest), 256<<10):] {
			s.Write(rest[:min(len(rest), 256<<10)])
		}
		s.Close()
	}
}
