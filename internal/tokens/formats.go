package tokens

import "strings"

// A class is the characters that a part of a token is made of.
type class [256]bool

func classOf(chars string) *class {
	c := &class{}
	for i := 0; i < len(chars); i++ {
		if i+2 < len(chars) && chars[i+1] == '-' {
			for b := int(chars[i]); b <= int(chars[i+2]); b++ {
				c[b] = true
			}
			i += 2
			continue
		}
		c[chars[i]] = true
	}
	return c
}

// A format is what one kind of token looks like: what it starts with, and how
// many characters of which class follow.
type format struct {
	what  string
	start string
	rest  *class
	least int
	most  int                    // 0: any number from least on
	also  func(rest string) bool // in place of looking like chance
	plain bool                   // it may stand within a word
}

// formats are the well-known ones, as their makers document them. A format is
// here when its start alone makes a mistake unlikely.
func formats() []format {
	alnum, hex := classOf("0-9A-Za-z"), classOf("0-9a-f")
	word, url := classOf("0-9A-Za-z_"), classOf("0-9A-Za-z_-")
	all := []format{
		{what: "a key of AWS", start: "AKIA", rest: classOf("A-Z2-7"), least: 16, most: 16},
		{what: "a key of AWS", start: "ASIA", rest: classOf("A-Z2-7"), least: 16, most: 16},
		{what: "a token of GitHub", start: "github_pat_", rest: word, least: 82, most: 82},
		{what: "a token of GitLab", start: "glpat-", rest: url, least: 20},
		{what: "a token of GitLab", start: "glrt-", rest: url, least: 20},
		{what: "a token of GitLab", start: "gldt-", rest: url, least: 20},
		{what: "a token of Slack", start: "xoxb-", rest: url, least: 24},
		{what: "a token of Slack", start: "xoxp-", rest: url, least: 24},
		{what: "a token of Slack", start: "xapp-1-", rest: url, least: 24},
		{what: "a web hook of Slack", start: "hooks.slack.com/services/T", rest: classOf("0-9A-Za-z/"), least: 36, plain: true},
		{what: "a live key of Stripe", start: "sk_live_", rest: alnum, least: 16},
		{what: "a live key of Stripe", start: "rk_live_", rest: alnum, least: 16},
		{what: "a key of Google", start: "AIza", rest: url, least: 35, most: 35},
		{what: "a client secret of Google", start: "GOCSPX-", rest: url, least: 28, most: 28},
		{what: "a token of npm", start: "npm_", rest: alnum, least: 36, most: 36},
		{what: "a token of npm", start: "_authToken=", rest: url, least: 16, plain: true},
		{what: "a token of PyPI", start: "pypi-AgEIcHlwaS5vcmc", rest: url, least: 50},
		{what: "a key of OpenAI", start: "sk-proj-", rest: url, least: 40},
		{what: "a key of OpenAI", start: "sk-svcacct-", rest: url, least: 40},
		{what: "a key of OpenAI", start: "sk-", rest: alnum, least: 48, most: 48, also: func(s string) bool { return strings.Contains(s, "T3BlbkFJ") }},
		{what: "a key of Anthropic", start: "sk-ant-", rest: url, least: 80},
		{what: "a token of Hugging Face", start: "hf_", rest: classOf("A-Za-z"), least: 34, most: 34},
		{what: "a key of SendGrid", start: "SG.", rest: classOf("0-9A-Za-z_.-"), least: 66, most: 66},
		{what: "a token of DigitalOcean", start: "dop_v1_", rest: hex, least: 64, most: 64},
		{what: "a token of Shopify", start: "shpat_", rest: classOf("0-9a-fA-F"), least: 32, most: 32},
		{what: "a token of Databricks", start: "dapi", rest: hex, least: 32, most: 32},
		{what: "a key of Linear", start: "lin_api_", rest: alnum, least: 40, most: 40},
		{what: "a token of Supabase", start: "sbp_", rest: hex, least: 40, most: 40},
		{what: "a token of Sentry", start: "sntrys_", rest: classOf("0-9A-Za-z_+/=-"), least: 80},
		{what: "a token of Grafana", start: "glsa_", rest: word, least: 41, most: 41},
		{what: "a key of New Relic", start: "NRAK-", rest: classOf("0-9A-Z"), least: 27, most: 27},
		{what: "a password of PlanetScale", start: "pscale_pw_", rest: classOf("0-9A-Za-z_.=-"), least: 32},
		{what: "a key of Postman", start: "PMAK-", rest: classOf("0-9a-f-"), least: 59, most: 59},
		{what: "a key of RubyGems", start: "rubygems_", rest: hex, least: 48, most: 48},
		{what: "a token of Docker Hub", start: "dckr_pat_", rest: url, least: 27},
		{what: "a token of Atlassian", start: "ATATT3", rest: classOf("0-9A-Za-z_=-"), least: 150},
		{what: "a token of Vault", start: "hvs.", rest: url, least: 90},
		{what: "a token of Doppler", start: "dp.pt.", rest: alnum, least: 40},
		{what: "a token of Pulumi", start: "pul-", rest: hex, least: 40, most: 40},
		{what: "a key of Tailscale", start: "tskey-", rest: url, least: 24},
		{what: "a token of 1Password", start: "ops_eyJ", rest: classOf("0-9A-Za-z+/="), least: 200},
		{what: "a key of an Azure account", start: "AccountKey=", rest: classOf("0-9A-Za-z+/="), least: 88, most: 88, plain: true},
		{what: "a secret key of age", start: "AGE-SECRET-KEY-1", rest: classOf("0-9A-Z"), least: 58, most: 58},
	}
	for _, kind := range []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"} {
		all = append(all, format{what: "a token of GitHub", start: kind, rest: alnum, least: 36})
	}
	for _, label := range []string{
		"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY",
		"ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK",
	} {
		all = append(all, format{what: "a private key", start: "-----BEGIN " + label + "-----", rest: keyBody(), least: 64, plain: true, also: holdsKey})
	}
	return all
}

// keyBody is what follows the first line of a private key: base64, headers,
// and line ends, also as a JSON string writes them.
func keyBody() *class { return classOf("0-9A-Za-z+/=:,. \n\r\t\\-") }

// holdsKey says that there is key material: a whole line of base64.
func holdsKey(rest string) bool {
	run := 0
	base64 := classOf("0-9A-Za-z+/")
	for i := range len(rest) {
		if !base64[rest[i]] {
			run = 0
			continue
		}
		if run++; run >= 32 {
			return true
		}
	}
	return false
}
