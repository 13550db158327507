package fetch

import (
	"fmt"
	"regexp"
	"strings"
)

// hostAcquire matches the lines of apt-config dump that say how to reach a
// network. What would switch the check of signatures off is not among them.
var hostAcquire = regexp.MustCompile(`(?i)^Acquire::(https?|ftp|socks5h|http::proxy|proxyautodetect|forceipv4|forceipv6|` +
	`check-valid-until|check-date|max-validtime|min-validtime|queue-mode)(::[^ ]*)? "[^"]*";$`)

// unsafeAcquire matches those of them that a lock must not depend on.
var unsafeAcquire = regexp.MustCompile(`(?i)::(verify-peer|verify-host|allowredirect)\b`)

// acquireOf keeps the network settings of an apt-config dump.
func acquireOf(dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		line = strings.TrimSpace(line)
		if hostAcquire.MatchString(line) && !unsafeAcquire.MatchString(line) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// preferences let apt take packages from Debian's own archive alone: Origin
// is a signed field.
const preferences = "Package: *\nPin: release o=Debian\nPin-Priority: 500\n\nPackage: *\nPin: release a=*\nPin-Priority: -10\n"

// aptConf is the configuration of an apt that lives in dir and knows nothing
// of the packages of this machine; keys, credentials and proxies it shares.
func aptConf(dir, arch, acquire string) string {
	set := [][2]string{
		{"Dir::Etc", dir + "/etc"},
		{"Dir::Etc::Parts", "/dev/null"},
		{"Dir::Etc::Main", "/dev/null"},
		{"Dir::Etc::Trusted", "/etc/apt/trusted.gpg"},
		{"Dir::Etc::TrustedParts", "/etc/apt/trusted.gpg.d"},
		{"Dir::Etc::netrc", "/etc/apt/auth.conf"},
		{"Dir::Etc::netrcparts", "/etc/apt/auth.conf.d"},
		{"Dir::State", dir + "/state"},
		{"Dir::State::status", dir + "/status"},
		{"Dir::Cache", dir + "/cache"},
		{"Dir::Log", dir + "/log"},
		{"APT::Architecture", arch},
		{"APT::Architectures", arch},
		{"APT::Sandbox::User", "root"},
		{"APT::Install-Recommends", "false"},
		{"APT::Install-Suggests", "false"},
		{"APT::Get::AllowUnauthenticated", "false"},
		{"Acquire::AllowInsecureRepositories", "false"},
		{"Acquire::AllowWeakRepositories", "false"},
		{"Acquire::Languages", "none"},
		{"Acquire::Retries", "3"},
		{"Acquire::ForceHash", "SHA256"},
	}
	var b strings.Builder
	b.WriteString("Acquire::http::Timeout \"30\";\nAcquire::https::Timeout \"30\";\n" + acquire)
	for _, kv := range set {
		fmt.Fprintf(&b, "%s %q;\n", kv[0], kv[1])
	}
	return b.String()
}
