package probe

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// Every byte comes back from the code that others write, alone and together.
func TestHuffman(t *testing.T) {
	h := newHuffman()
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	for i := range 256 {
		for _, text := range []string{string(all[i : i+1]), string(all[i:]), strings.Repeat(string(all[i:i+1]), 9)} {
			got, err := h.decode(hpack.AppendHuffmanString(nil, text), len(text))
			if got != text || err != nil {
				t.Errorf("%q becomes %q, %v", text, got, err)
			}
		}
	}
}

func TestHuffmanRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"the end":             "\xff\xff\xff\xfc",
		"a byte of padding":   "\x1f\xff",
		"padding with zeroes": "\x18",
		"only padding":        "\xff",
	} {
		if got, err := newHuffman().decode([]byte(data), 100); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, err := newHuffman().decode(hpack.AppendHuffmanString(nil, "four"), 3); err == nil {
		t.Error("more than the limit is taken")
	}
}

// blocks has the real encoder write headers that use both tables.
func blocks(t *testing.T, tableSize uint32, headers ...[]hpack.HeaderField) (out [][]byte) {
	t.Helper()
	var buf bytes.Buffer
	e := hpack.NewEncoder(&buf)
	e.SetMaxDynamicTableSize(tableSize)
	for _, h := range headers {
		for _, f := range h {
			if err := e.WriteField(f); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, bytes.Clone(buf.Bytes()))
		buf.Reset()
	}
	return out
}

func TestDecoder(t *testing.T) {
	header := []hpack.HeaderField{
		{Name: ":status", Value: "200"}, {Name: "content-type", Value: "application/grpc"},
		{Name: "grpc-status", Value: "12"}, {Name: "x-secret", Value: "hidden", Sensitive: true},
		{Name: "grpc-message", Value: "unknown service"}, {Name: "empty", Value: ""},
		{Name: "odd", Value: "\x00\xff\xfe"}, {Name: "long", Value: strings.Repeat("ab", 1500)},
	}
	var want []field
	for _, f := range header {
		want = append(want, field{f.Name, f.Value})
	}
	for _, size := range []uint32{4096, 3200, 100, 0} {
		d := newDecoder()
		for i, block := range blocks(t, size, header, header, header[:5], header) {
			n := len(header)
			if i == 2 {
				n = 5
			}
			got, err := d.decode(block)
			if !slices.Equal(got, want[:n]) || err != nil {
				t.Fatalf("table of %d, header %d: %q, %v", size, i, got, err)
			}
		}
		if d.size > int(size) {
			t.Errorf("a table of %d bytes in %d", d.size, size)
		}
	}
}

// Both tables have what the other side thinks that they have.
func TestStaticTable(t *testing.T) {
	other := hpack.NewDecoder(4096, nil)
	for i, f := range staticTable() {
		got, err := other.DecodeFull([]byte{0x80 | byte(i+1)})
		if err != nil || len(got) != 1 || got[0].Name != f.name || got[0].Value != f.value {
			t.Errorf("%d: %+v, want %+v, %v", i+1, f, got, err)
		}
	}
}

func TestDecoderRefuses(t *testing.T) {
	big := string(appendField(nil, field{"a", strings.Repeat("x", 4000)}))
	for name, tt := range map[string]struct {
		block string
		want  error
	}{
		"index 0":                {"\x80", errHPACK},
		"index past the tables":  {"\xbe", errHPACK},
		"endless integer":        {"\xff\x80\x80\x80\x80\x80\x80", errHPACK},
		"large integer":          {"\xff\xff\xff\xff\x7f", errHPACK},
		"cut integer":            {"\xff", errHPACK},
		"no name":                {"\x40", errHPACK},
		"cut name":               {"\x40\x05ab", errHPACK},
		"no value":               {"\x41", errHPACK},
		"literal of no index":    {"\x7f\xff\x7f\x00", errHPACK},
		"table too large":        {"\x3f\xe2\x1f", errHPACK},
		"table changed too late": {"\x82\x20", errHPACK},
		"bad Huffman":            {"\x40\x81\x18", errHuffman},
		"long string":            {"\x00\x7f\x82\x7f" + strings.Repeat("x", maxString+1), errHeaderBig},
		"many fields":            {strings.Repeat(big, 17), errHeaderBig},
	} {
		if got, err := newDecoder().decode([]byte(tt.block)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %d fields, %v", name, len(got), err)
		}
	}
}

// One byte can ask for 4 KB of the table again, but not often.
func TestDecoderIsNoBomb(t *testing.T) {
	block := append([]byte{0x40}, appendField(nil, field{"a", strings.Repeat("x", 4000)})[1:]...)
	block = append(block, bytes.Repeat([]byte{0xbe}, 30000)...)
	if got, err := newDecoder().decode(block); !errors.Is(err, errHeaderBig) {
		t.Errorf("%d fields, %v", len(got), err)
	}
}

// What we send is what others read.
func TestAppendField(t *testing.T) {
	for _, n := range []int{0, 1, 126, 127, 128, 254, 255, 300, 20000} {
		f := field{strings.Repeat("n", n), strings.Repeat("v", n)}
		got, err := hpack.NewDecoder(4096, nil).DecodeFull(appendField(nil, f))
		if err != nil || len(got) != 1 || got[0].Name != f.name || got[0].Value != f.value {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// FuzzDecoder compares with the other decoder wherever ours takes a block.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x88\x5f\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64"))
	f.Add([]byte("\x20\x3f\xe1\x1f\x40\x01a\x01b\xbe"))
	f.Add(appendField(nil, field{"grpc-status", "0"}))
	f.Fuzz(func(t *testing.T, block []byte) {
		d := newDecoder()
		got, err := d.decode(block)
		if d.size > maxTable || d.size < 0 {
			t.Fatalf("a table of %d bytes", d.size)
		}
		if err != nil {
			return
		}
		want, err := hpack.NewDecoder(4096, nil).DecodeFull(block)
		if err != nil || len(want) != len(got) {
			t.Fatalf("%q: %q, want %v, %v", block, got, want, err)
		}
		for i := range got {
			if got[i].name != want[i].Name || got[i].value != want[i].Value {
				t.Errorf("%q: %q, want %v", block, got[i], want[i])
			}
		}
	})
}
