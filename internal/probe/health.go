package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A healthStatus is a ServingStatus of grpc.health.v1.
type healthStatus uint64

const serving healthStatus = 1

func (s healthStatus) String() string {
	names := [...]string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}
	if s < healthStatus(len(names)) {
		return names[s]
	}
	return fmt.Sprintf("status %d", uint64(s))
}

var errProto = errors.New("malformed answer")

// healthRequest is a HealthCheckRequest: field 1, the service's name.
func healthRequest(service string) []byte {
	if service == "" {
		return nil
	}
	return append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(service))), service...)
}

// parseHealth reads a HealthCheckResponse: field 1, the status. Other fields
// are passed over.
func parseHealth(data []byte) (status healthStatus, err error) {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 || key>>3 == 0 {
			return 0, errProto
		}
		data = data[n:]
		value, size := protoField(key&7, data)
		if size < 0 || size > len(data) {
			return 0, errProto
		}
		data = data[size:]
		if key == 1<<3 {
			status = healthStatus(value)
		}
	}
	return status, nil
}

// protoField gives the value of a field that is a number, and the length of
// any field, or -1.
func protoField(kind uint64, data []byte) (value uint64, size int) {
	switch kind {
	case 0:
		value, n := binary.Uvarint(data)
		if n <= 0 {
			return 0, -1
		}
		return value, n
	case 1:
		return 0, 8
	case 2:
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return 0, -1
		}
		return 0, n + int(length)
	case 5:
		return 0, 4
	}
	return 0, -1
}

// envelope puts gRPC's prefix before a message: not compressed, its length.
func envelope(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// open is the one message that data holds.
func open(data []byte) ([]byte, error) {
	switch {
	case len(data) < 5:
		return nil, errors.New("no message in the answer")
	case data[0] != 0:
		return nil, errors.New("compressed answer")
	case uint64(binary.BigEndian.Uint32(data[1:])) != uint64(len(data)-5):
		return nil, errProto
	}
	return data[5:], nil
}
