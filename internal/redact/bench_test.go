package redact_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/redact"
)

// secrets are n values as people have them: tokens, passwords, URLs, and one as
// short as may be.
func secrets(n int) map[string]string {
	values := map[string]string{"SHORT": "hunter22"}
	for i := 1; i < n; i++ {
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		name := fmt.Sprintf("SECRET_%d", i)
		switch i % 4 {
		case 0:
			values[name] = hex.EncodeToString(sum[:20])
		case 1:
			values[name] = base64.StdEncoding.EncodeToString(sum[:])
		case 2:
			values[name] = "sk-live-" + base64.RawURLEncoding.EncodeToString(sum[:24])
		case 3:
			values[name] = "postgres://app:" + hex.EncodeToString(sum[:8]) + "@db.internal:5432/app?sslmode=require"
		}
	}
	return values
}

// logLines is what a service says.
func logLines(bytes int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		fmt.Fprintf(&b, "%d INFO http request method=GET path=/api/items/%d status=200 duration=%dms id=%x\n", 1764100000+i, i*7%1000, i%50, sha256.Sum256([]byte(fmt.Sprint("request", i))))
	}
	return []byte(b.String()[:bytes])
}

func BenchmarkTake(b *testing.B) {
	text := logLines(400 << 10)
	text[len(text)-1] = '\n'
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("%d secrets", n), func(b *testing.B) {
			stream := redact.New(secrets(n)).Stream()
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				stream.Take(text, false)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	values := secrets(100)
	for b.Loop() {
		redact.New(values)
	}
}
