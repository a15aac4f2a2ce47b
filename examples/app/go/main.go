// The example application in Go: hello, hash, state and image, told apart by the path's last
// part. Each request is a process of its own: it reads standard input, prints and is gone.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strconv"
)

const (
	countFile  = "/state/count"
	mostBytes  = 8 << 20
	mostPixels = 8 << 20
	mostWidth  = 2000
)

// A refusal is an answer that is the request's own fault.
type refusal struct {
	status int
	words  string
}

func (r refusal) Error() string { return r.words }

var out = bufio.NewWriter(os.Stdout)

func begin(status int, kind string) {
	fmt.Fprintf(out, "Status: %d\nContent-Type: %s\n\n", status, kind)
}

func say(status int, words string) {
	if status == 405 {
		fmt.Fprintln(out, "Allow: GET, HEAD, POST")
	}
	begin(status, "text/plain")
	fmt.Fprintln(out, words)
}

func query() url.Values {
	values, _ := url.ParseQuery(os.Getenv("QUERY_STRING"))
	return values
}

func hello() error {
	name := query().Get("name")
	if name == "" {
		name = "world"
	}
	say(200, "Hello, "+name+", from Go.")
	return nil
}

func hash() error {
	h := sha256.New()
	if _, err := io.Copy(h, os.Stdin); err != nil {
		return err
	}
	say(200, fmt.Sprintf("%x", h.Sum(nil)))
	return nil
}

// The count is the length of a file. An append moves the descriptor to the end of what it
// wrote in the same step, so that its place is a number that nobody else gets; no lock is
// needed, and a process that is killed leaves a byte appended or not.
func addOne() (int64, error) {
	f, err := os.OpenFile(countFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Write([]byte("+")); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekCurrent)
}

func count() (int64, error) {
	found, err := os.Stat(countFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return found.Size(), nil
}

func state() error {
	var n int64
	var err error
	switch os.Getenv("REQUEST_METHOD") {
	case "GET", "HEAD":
		n, err = count()
	case "POST":
		n, err = addOne()
	default:
		return refusal{405, "GET or POST"}
	}
	if err == nil {
		say(200, strconv.FormatInt(n, 10))
	}
	return err
}

// Each new pixel is the mean of the old ones that it covers, or the nearest one.
func resize(from *image.NRGBA, width, height int) *image.NRGBA {
	to := image.NewNRGBA(image.Rect(0, 0, width, height))
	w, h := from.Rect.Dx(), from.Rect.Dy()
	for y := range height {
		top, bottom := y*h/height, max((y+1)*h/height, y*h/height+1)
		for x := range width {
			left, right := x*w/width, max((x+1)*w/width, x*w/width+1)
			copy(to.Pix[to.PixOffset(x, y):], mean(from, left, top, right, bottom))
		}
	}
	return to
}

func mean(from *image.NRGBA, left, top, right, bottom int) []byte {
	var sum [3]uint64
	var alpha uint64
	for y := top; y < bottom; y++ {
		row := from.Pix[from.PixOffset(left, y) : from.PixOffset(right-1, y)+4]
		for i := 0; i < len(row); i += 4 {
			a := uint64(row[i+3])
			alpha += a
			for k := range sum {
				sum[k] += uint64(row[i+k]) * a
			}
		}
	}
	if alpha == 0 {
		return []byte{0, 0, 0, 0}
	}
	n := uint64((right - left) * (bottom - top))
	return []byte{byte(sum[0] / alpha), byte(sum[1] / alpha), byte(sum[2] / alpha), byte(alpha / n)}
}

func wantedWidth() (int, error) {
	if !query().Has("width") {
		return 200, nil
	}
	n, err := strconv.Atoi(query().Get("width"))
	if err != nil || n < 1 || n > mostWidth {
		return 0, refusal{400, "width: want a number from 1 to 2000"}
	}
	return n, nil
}

// A picture's size is in its first bytes: one that is too large is refused before memory is
// taken for it.
func readPicture() (*image.NRGBA, error) {
	body, err := io.ReadAll(io.LimitReader(os.Stdin, mostBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > mostBytes {
		return nil, refusal{413, "a picture may have 8 MiB"}
	}
	if !bytes.HasPrefix(body, []byte("\x89PNG\r\n\x1a\n")) {
		return nil, refusal{415, "post a PNG"}
	}
	facts, err := png.DecodeConfig(bytes.NewReader(body))
	if err != nil {
		return nil, refusal{400, "this PNG is broken"}
	}
	if int64(facts.Width)*int64(facts.Height) > mostPixels {
		return nil, refusal{413, "a picture may have 8 million pixels"}
	}
	picture, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, refusal{400, "this PNG is broken"}
	}
	if plain, ok := picture.(*image.NRGBA); ok {
		return plain, nil
	}
	plain := image.NewNRGBA(picture.Bounds())
	draw.Draw(plain, plain.Rect, picture, picture.Bounds().Min, draw.Src)
	return plain, nil
}

func scale() error {
	width, err := wantedWidth()
	if err != nil {
		return err
	}
	picture, err := readPicture()
	if err != nil {
		return err
	}
	size := picture.Rect.Size()
	height := max(1, (size.Y*width+size.X/2)/size.X)
	if width*height > mostPixels {
		return refusal{413, "the result would be too large"}
	}
	begin(200, "image/png")
	return png.Encode(out, resize(picture, width, height))
}

func main() {
	functions := map[string]func() error{"hash": hash, "state": state, "image": scale}
	function, ok := functions[path.Base(os.Getenv("PATH_INFO"))]
	if !ok {
		function = hello
	}
	err := function()
	var fault refusal
	if errors.As(err, &fault) {
		say(fault.status, fault.words)
		err = nil
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		fmt.Print("Status: 500\nContent-Type: text/plain\n\nsomething is out of order\n")
		os.Exit(1)
	}
}
