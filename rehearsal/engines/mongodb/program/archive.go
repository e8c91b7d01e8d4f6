package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"

	"go.mongodb.org/mongo-driver/bson"
)

// The format of `mongodump --archive`: what there is, then blocks of documents, each collection's last with a checksum.
const magic = 0x8199e26d

var (
	terminator = []byte{0xff, 0xff, 0xff, 0xff}
	checksums  = crc64.MakeTable(crc64.ECMA)
)

type namespace struct {
	Database   string `bson:"db"`
	Collection string `bson:"collection"`
	Metadata   string `bson:"metadata"`
	Size       int64  `bson:"size"`
	Type       string `bson:"type"`
}

type block struct {
	Database   string `bson:"db"`
	Collection string `bson:"collection"`
	EOF        bool   `bson:"EOF"`
	CRC        int64  `bson:"CRC"`
}

type archiveWriter struct {
	out  io.Writer
	sums map[string]hash.Hash64
}

func (w *archiveWriter) document(value any) error {
	content, err := bson.Marshal(value)
	if err == nil {
		_, err = w.out.Write(content)
	}
	return err
}

func (w *archiveWriter) end() error {
	_, err := w.out.Write(terminator)
	return err
}

func (w *archiveWriter) begin(found []namespace) error {
	w.sums = map[string]hash.Hash64{}
	if err := binary.Write(w.out, binary.LittleEndian, uint32(magic)); err != nil {
		return err
	}
	header := bson.D{{"concurrent_collections", int32(1)}, {"version", "0.1"}, {"server_version", "7.0.0"}, {"tool_version", "stand-in"}}
	if err := w.document(header); err != nil {
		return err
	}
	for _, each := range found {
		if err := w.document(each); err != nil {
			return err
		}
	}
	return w.end()
}

func (w *archiveWriter) documents(of namespace, documents []bson.Raw) error {
	sum, begun := w.sums[of.Database+"."+of.Collection]
	if !begun {
		sum = crc64.New(checksums)
		w.sums[of.Database+"."+of.Collection] = sum
	}
	if err := w.document(block{of.Database, of.Collection, false, 0}); err != nil {
		return err
	}
	for _, each := range documents {
		sum.Write(each)
		if _, err := w.out.Write(each); err != nil {
			return err
		}
	}
	return w.end()
}

func (w *archiveWriter) finish(of namespace) error {
	if err := w.documents(of, nil); err != nil {
		return err
	}
	sum := w.sums[of.Database+"."+of.Collection].Sum64()
	if err := w.document(block{of.Database, of.Collection, true, int64(sum)}); err != nil {
		return err
	}
	return w.end()
}

// Reads the next document; nil at a terminator.
func readDocument(source io.Reader) (bson.Raw, error) {
	start := make([]byte, 4)
	if _, err := io.ReadFull(source, start); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(start)
	if size == 0xffffffff {
		return nil, nil
	}
	if size < 5 || size > 48<<20 {
		return nil, errors.New("corruption found in archive")
	}
	document := append(start, make([]byte, size-4)...)
	if _, err := io.ReadFull(source, document[4:]); err != nil {
		return nil, err
	}
	return bson.Raw(document), bson.Raw(document).Validate()
}

func readPrelude(source io.Reader) ([]namespace, error) {
	var found uint32
	if err := binary.Read(source, binary.LittleEndian, &found); err != nil || found != magic {
		return nil, errors.New("stream or file does not appear to be a mongodump archive")
	}
	namespaces := []namespace{}
	for number := 0; ; number++ {
		document, err := readDocument(source)
		if err != nil {
			return nil, err
		}
		if document == nil {
			return namespaces, nil
		}
		if number > 0 { // the first says what made it
			each := namespace{}
			if err := bson.Unmarshal(document, &each); err != nil {
				return nil, err
			}
			namespaces = append(namespaces, each)
		}
	}
}

// Gives the documents of every block to `take`; whether all collections came to their end, whole.
func readBody(source io.Reader, expected []namespace, take func(block, []bson.Raw) error) error {
	sums, ended := map[string]hash.Hash64{}, map[string]bool{}
	for {
		start, err := readDocument(source)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		header := block{}
		if err := bson.Unmarshal(start, &header); err != nil {
			return err
		}
		name := header.Database + "." + header.Collection
		if sums[name] == nil {
			sums[name] = crc64.New(checksums)
		}
		documents, err := readBlock(source, sums[name])
		if err != nil {
			return err
		}
		if header.EOF {
			if ended[name] = true; uint64(header.CRC) != sums[name].Sum64() {
				return fmt.Errorf("CRC mismatch for namespace %s", name)
			}
		} else if err := take(header, documents); err != nil {
			return err
		}
	}
	for _, each := range expected {
		if !ended[each.Database+"."+each.Collection] {
			return fmt.Errorf("the archive breaks off before the end of %s.%s", each.Database, each.Collection)
		}
	}
	return nil
}

func readBlock(source io.Reader, sum hash.Hash64) ([]bson.Raw, error) {
	documents := []bson.Raw{}
	for {
		document, err := readDocument(source)
		if err != nil || document == nil {
			return documents, err
		}
		sum.Write(document)
		documents = append(documents, document)
	}
}
