package job

import (
	"encoding/binary"
	"unicode/utf16"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// This file reads the streams of java.io.ObjectOutputStream (Java Object
// Serialization Specification, chapter 6), as far as requests of Alluxio's shell
// consist of them: objects of few known classes, sets of strings, enums. All
// else is refused, above all unknown classes: reading never makes anything but
// the plain values below.

// Limits of a stream.
const (
	maxStreamBytes = 64 << 10
	maxDepth       = 16
)

// javaObject is an object: its fields by name, and what its class wrote besides.
// A field is nil, int32, bool, string, javaEnum or *javaObject.
type javaObject struct {
	class   string
	fields  map[string]any
	written []any
}

// javaEnum is a constant of an enum.
type javaEnum struct{ class, name string }

// javaClass is the description of a class in a stream.
type javaClass struct {
	name   string
	flags  byte
	fields []javaField
	super  *javaClass
}

type javaField struct {
	kind byte // 'I', 'Z' or 'L'
	name string
}

// known are the classes that may occur, with their versions.
var known = map[string]int64{
	loadClass:                        -5268683490243619278,
	migrateClass:                     6279399518859380714,
	"alluxio.client.WriteType":       0,
	"java.lang.Enum":                 0,
	"java.util.HashSet":              -5024744406713321676,
	"java.util.Collections$EmptySet": 1582296315990362920,
}

// Marks of the stream format.
const (
	streamMagic   = 0xaced0005
	markNull      = 0x70
	markReference = 0x71
	markClass     = 0x72
	markObject    = 0x73
	markString    = 0x74
	markBlock     = 0x77
	markEnd       = 0x78
	markEnum      = 0x7e
	firstHandle   = 0x7e0000

	flagWritten      = 0x01 // the class wrote more than its fields
	flagSerializable = 0x02
	flagEnum         = 0x10
)

// javaReader reads a stream. After the first error all reads return zeros.
type javaReader struct {
	rest    []byte
	handles []any // what later parts may refer to: *javaClass, *javaObject, string, javaEnum
	depth   int
	err     error
}

// readJava returns the single object of a stream.
func readJava(b []byte) (*javaObject, error) {
	if len(b) > maxStreamBytes {
		return nil, errors.Errorf(errors.Invalid, "The request is a Java object of %d bytes; %d are the limit.", len(b), maxStreamBytes)
	}
	r := &javaReader{rest: b}
	if r.uint32() != streamMagic {
		return nil, errors.Errorf(errors.Invalid, "The request is not a serialized Java object.")
	}
	o, ok := r.value().(*javaObject)
	switch {
	case r.err != nil:
		return nil, r.err
	case !ok || len(r.rest) > 0:
		return nil, errors.Errorf(errors.Invalid, "The request is not a single Java object.")
	}
	return o, nil
}

func (r *javaReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = errors.Errorf(errors.Invalid, "The Java object of the request cannot be read: "+format, args...)
		r.rest = nil
	}
}

// take returns the next n bytes; zeros after an error.
func (r *javaReader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail("it is cut off")
		return make([]byte, min(n, 8))
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *javaReader) uint8() byte    { return r.take(1)[0] }
func (r *javaReader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *javaReader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *javaReader) int64() int64   { return int64(binary.BigEndian.Uint64(r.take(8))) }

// remember gives a value the next handle and returns the handle.
func (r *javaReader) remember(v any) int {
	r.handles = append(r.handles, v)
	return len(r.handles) - 1
}

func (r *javaReader) reference() any {
	i := int64(r.uint32()) - firstHandle
	if i < 0 || i >= int64(len(r.handles)) {
		r.fail("it refers to something that is not in it")
		return nil
	}
	return r.handles[i]
}

// value reads a field's value or what a class wrote.
func (r *javaReader) value() any {
	if r.depth++; r.depth > maxDepth {
		r.fail("it is nested too deeply")
	}
	defer func() { r.depth-- }()
	switch mark := r.uint8(); mark {
	case markNull:
		return nil
	case markReference:
		return r.reference()
	case markString:
		s := r.text()
		r.remember(s)
		return s
	case markObject:
		return r.object()
	case markEnum:
		return r.enum()
	default:
		r.fail("it contains a part of kind %#x", mark)
		return nil
	}
}

// text reads Java's modified UTF-8: UTF-16 units, each encoded by itself.
func (r *javaReader) text() string {
	b := r.take(int(r.uint16()))
	units := make([]uint16, 0, len(b))
	for len(b) > 0 {
		unit, n := javaUnit(b)
		if n == 0 {
			r.fail("a text is not in modified UTF-8")
			return ""
		}
		units, b = append(units, unit), b[n:]
	}
	return string(utf16.Decode(units))
}

// javaUnit decodes the first unit of b and returns its length, 0 when there is
// none.
func javaUnit(b []byte) (unit uint16, n int) {
	follows := func(i int) bool { return i < len(b) && b[i]&0xc0 == 0x80 }
	switch c := b[0]; {
	case c&0x80 == 0:
		return uint16(c), 1
	case c&0xe0 == 0xc0 && follows(1):
		return uint16(c&0x1f)<<6 | uint16(b[1]&0x3f), 2
	case c&0xf0 == 0xe0 && follows(1) && follows(2):
		return uint16(c&0x0f)<<12 | uint16(b[1]&0x3f)<<6 | uint16(b[2]&0x3f), 3
	}
	return 0, 0
}

// class reads a description of a class, nil for none.
func (r *javaReader) class() *javaClass {
	switch mark := r.uint8(); mark {
	case markNull:
		return nil
	case markReference:
		c, ok := r.reference().(*javaClass)
		if !ok {
			r.fail("a class is expected")
		}
		return c
	case markClass:
		return r.newClass()
	default:
		r.fail("a class is expected, not a part of kind %#x", mark)
		return nil
	}
}

func (r *javaReader) newClass() *javaClass {
	if r.depth++; r.depth > maxDepth {
		r.fail("it is nested too deeply")
	}
	defer func() { r.depth-- }()
	c := &javaClass{name: r.text()}
	version := r.int64()
	if want, ok := known[c.name]; r.err == nil && (!ok || version != want) {
		r.fail("class %q (version %d) is not one of Alluxio 2.9's requests", c.name, version)
	}
	r.remember(c)
	c.flags = r.uint8()
	for n := r.uint16(); n > 0 && r.err == nil; n-- {
		c.fields = append(c.fields, r.field(c.name))
	}
	if r.uint8() != markEnd {
		r.fail("class %q is annotated", c.name)
	}
	c.super = r.class()
	return c
}

func (r *javaReader) field(class string) javaField {
	f := javaField{kind: r.uint8(), name: r.text()}
	switch f.kind {
	case 'I', 'Z':
	case 'L':
		if _, ok := r.value().(string); !ok { // the type's name
			r.fail("field %s of %s has no type", f.name, class)
		}
	default:
		r.fail("field %s of %s is of kind %q", f.name, class, f.kind)
	}
	return f
}

func (r *javaReader) enum() any {
	c := r.class()
	slot := r.remember(nil)
	name, ok := r.value().(string)
	if c == nil || c.flags&flagEnum == 0 || !ok {
		r.fail("an enum has no name")
		return nil
	}
	e := javaEnum{class: c.name, name: name}
	r.handles[slot] = e
	return e
}

func (r *javaReader) object() any {
	c := r.class()
	if c == nil {
		r.fail("an object has no class")
		return nil
	}
	o := &javaObject{class: c.name, fields: map[string]any{}}
	r.remember(o)
	r.fill(o, c)
	return o
}

// fill reads the data of an object, that of its super class first.
func (r *javaReader) fill(o *javaObject, c *javaClass) {
	if r.depth++; r.depth > maxDepth {
		r.fail("it is nested too deeply") // or a class is its own super class
		return
	}
	defer func() { r.depth-- }()
	if c.super != nil {
		r.fill(o, c.super)
	}
	if c.flags&^(flagWritten|flagSerializable) != 0 || c.flags&flagSerializable == 0 {
		r.fail("class %q is serialized in its own way", c.name)
	}
	for _, f := range c.fields {
		if r.err != nil {
			return
		}
		switch f.kind {
		case 'I':
			o.fields[f.name] = int32(r.uint32())
		case 'Z':
			o.fields[f.name] = r.uint8() != 0
		case 'L':
			o.fields[f.name] = r.value()
		}
	}
	if c.flags&flagWritten != 0 {
		r.written(o)
	}
}

// written reads what a class wrote besides its fields. Its plain bytes are of no
// interest: the sizes and load factors of sets.
func (r *javaReader) written(o *javaObject) {
	for r.err == nil {
		switch {
		case len(r.rest) > 0 && r.rest[0] == markEnd:
			r.uint8()
			return
		case len(r.rest) > 0 && r.rest[0] == markBlock:
			r.uint8()
			r.take(int(r.uint8()))
		default:
			o.written = append(o.written, r.value())
		}
	}
}
