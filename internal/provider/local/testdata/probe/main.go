// Command probe tries a box's network from within.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

func main() {
	verbs := map[string]func(string) error{"get": get, "post": post, "udp": udp, "count": count, "syn": syn}
	if err := verbs[os.Args[1]](os.Args[2]); err != nil {
		fmt.Println("no:", err)
	}
}

func client() *http.Client { return &http.Client{Timeout: 10 * time.Second} }

func get(url string) error { return show(client().Get(url)) }

// post sends 20 MiB.
func post(url string) error {
	return show(client().Post(url, "text/plain", strings.NewReader(strings.Repeat("x", 20<<20))))
}

func show(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}

func udp(addr string) error {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(c, "ping"); err != nil {
		return err
	}
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	fmt.Printf("%s", buf[:n])
	return err
}

// count answers each connection with the length of what came before its end.
func count(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			n, _ := io.Copy(io.Discard, c)
			fmt.Fprintf(c, "got %d", n)
		}()
	}
}

// syn puts a made-up packet on the wire, which no routing table has seen: the
// first of a TCP connection to addr.
func syn(addr string) error {
	to, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return err
	}
	eth, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	ip, tcp := make([]byte, 20), make([]byte, 20)
	ip[0], ip[8], ip[9] = 0x45, 64, syscall.IPPROTO_TCP
	binary.BigEndian.PutUint16(ip[2:], 40)
	copy(ip[12:], net.IPv4(192, 0, 0, 2).To4())
	copy(ip[16:], to.IP.To4())
	binary.BigEndian.PutUint16(ip[10:], sum(ip))
	binary.BigEndian.PutUint16(tcp, 40000)
	binary.BigEndian.PutUint16(tcp[2:], uint16(to.Port))
	tcp[12], tcp[13], tcp[14] = 0x50, 2, 0xff
	pseudo := append(append([]byte{}, ip[12:20]...), 0, syscall.IPPROTO_TCP, 0, 20)
	binary.BigEndian.PutUint16(tcp[16:], sum(append(pseudo, tcp...)))
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	return syscall.Sendto(fd, append(ip, tcp...), 0, &syscall.SockaddrLinklayer{Protocol: 0x0008, Ifindex: eth.Index})
}

// sum is the Internet checksum.
func sum(data []byte) uint16 {
	var total uint32
	for i := 0; i < len(data); i += 2 {
		total += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return ^uint16(total)
}
