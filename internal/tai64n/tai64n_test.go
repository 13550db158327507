package tai64n

import (
	"testing"
	"time"
)

func TestTAI64N(t *testing.T) {
	tests := map[string]time.Time{
		"@400000000000002500000000": time.Unix(0, 0),
		"@400000006b04d04218a4fcee": time.Unix(0x6b04d042-37, 0x18a4fcee),
		"@40000000000000243b9ac9ff": time.Unix(-1, 999_999_999),
	}
	for stamp, at := range tests {
		if got := Format(at); got != stamp {
			t.Errorf("%s is written %s, want %s", at, got, stamp)
		}
		got, err := Parse(stamp)
		if err != nil || !got.Equal(at) {
			t.Errorf("%s is read as %s, %v, want %s", stamp, got, err, at)
		}
	}
}

func TestParseRefusesWhatIsNoStamp(t *testing.T) {
	for _, text := range []string{
		"", "@", "400000006b04d04218a4fcee@", "@400000006b04d04218a4fce", "@400000006b04d04218a4fceee",
		"@400000006B04D04218A4FCEE", "@400000006b04d0423b9aca00", "@c00000006b04d04218a4fcee", "@400000006b04d04218a4fcgg",
	} {
		if at, err := Parse(text); err != ErrStamp {
			t.Errorf("%q is read as %s, %v", text, at, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("@400000006b04d04218a4fcee")
	f.Add("@40000000000000243b9ac9ff")
	f.Add("@7fffffffffffffff00000000")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := Parse(text)
		if err == nil && Format(at) != text {
			t.Errorf("%q is read as %s and written %q", text, at, Format(at))
		}
	})
}

func FuzzFormat(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(1<<40), int64(999_999_999))
	f.Fuzz(func(t *testing.T, seconds, nanos int64) {
		const years = 1 << 45
		at := time.Unix(seconds%years, nanos)
		if got, err := Parse(Format(at)); err != nil || !got.Equal(at) {
			t.Errorf("%s is written %s and read as %s, %v", at, Format(at), got, err)
		}
	})
}
