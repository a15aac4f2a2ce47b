// The small programs in Go. What they do and print: guests/README.md.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

func showArgs() {
	for i, arg := range os.Args {
		fmt.Printf("arg %d: %s\n", i, arg)
	}
}

func showEnv() {
	env := os.Environ()
	sort.Strings(env)
	for _, line := range env {
		fmt.Println(line)
	}
}

func copyInput() {
	input, err := io.ReadAll(bufio.NewReader(os.Stdin))
	check(err)
	_, err = os.Stdout.Write(bytes.ToUpper(input))
	check(err)
	fmt.Fprintf(os.Stderr, "%d bytes, %d lines\n", len(input), bytes.Count(input, []byte("\n")))
}

func leave() {
	code := 0
	if len(os.Args) > 2 {
		code, _ = strconv.Atoi(os.Args[2])
	}
	fmt.Printf("leaving with %d\n", code)
	os.Exit(code)
}

func trap() {
	fmt.Println("before")
	panic("on purpose")
}

func say(claim string, holds bool) {
	fmt.Printf("%s: %s\n", claim, map[bool]string{true: "yes", false: "no"}[holds])
}

func showClocks() {
	start := time.Now()
	say("after 2020", start.Year() > 2019)
	say("never back", time.Since(start) >= 0)
	time.Sleep(20 * time.Millisecond)
	say("slept 20 ms", time.Since(start) >= 20*time.Millisecond)
}

func draw() {
	var a, b, none [32]byte
	_, err := rand.Read(a[:])
	check(err)
	_, err = rand.Read(b[:])
	check(err)
	say("draws differ", a != b && a != none)
}

func explain(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.Is(err, syscall.EEXIST):
		return "exists"
	case errors.Is(err, syscall.ENOTDIR):
		return "not a folder"
	case errors.Is(err, syscall.EISDIR):
		return "is a folder"
	case errors.Is(err, syscall.ENOTEMPTY):
		return "not empty"
	}
	return err.Error()
}

func tell(what string, err error) {
	fmt.Printf("%s: %s\n", what, explain(err))
}

func writeFile(path string, flags int, text string) {
	file, err := os.OpenFile(path, os.O_WRONLY|flags, 0o666)
	check(err)
	_, err = file.WriteString(text)
	check(err)
	check(file.Close())
}

// What up to n bytes from an offset say, with | for the end of a line.
func showBytes(what, path string, offset int64, whence, n int) {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	_, err = file.Seek(offset, whence)
	check(err)
	data, err := io.ReadAll(io.LimitReader(file, int64(n)))
	check(err)
	fmt.Printf("%s: %s\n", what, strings.NewReplacer("\n", "|", "\x00", "0").Replace(string(data)))
}

func sizeOf(path string) int64 {
	found, err := os.Stat(path)
	check(err)
	return found.Size()
}

func opened(path string, flags int) error {
	file, err := os.OpenFile(path, flags, 0o666)
	if err == nil {
		file.Close()
	}
	return err
}

func refusal(path string) string {
	if opened(path, os.O_RDONLY) != nil {
		return "refused"
	}
	return "open"
}

func list(path string) {
	entries, err := os.ReadDir(path)
	check(err)
	fmt.Print("list:")
	for _, entry := range entries {
		kind := "file"
		if entry.IsDir() {
			kind = "folder"
		} else if entry.Type()&fs.ModeSymlink != 0 {
			kind = "link"
		}
		fmt.Printf(" %s (%s)", entry.Name(), kind)
	}
	fmt.Println()
}

func writeAndRead(made string) {
	a := filepath.Join(made, "a.txt")
	tell("make a folder", os.Mkdir(made, 0o777))
	tell("again", os.Mkdir(made, 0o777))
	writeFile(a, os.O_CREATE|os.O_TRUNC, "hello\n")
	writeFile(a, os.O_APPEND, "world\n")
	fmt.Printf("append: %d bytes\n", sizeOf(a))
	showBytes("read", a, 0, io.SeekStart, 64)
	showBytes("seek to 6", a, 6, io.SeekStart, 5)
	showBytes("seek to 4 before the end", a, -4, io.SeekEnd, 3)
	writeFile(a, 0, "J")
	showBytes("overwrite", a, 0, io.SeekStart, 64)
	check(os.Truncate(a, 5))
	showBytes("truncate", a, 0, io.SeekStart, 64)
	check(os.Truncate(a, 8))
	showBytes("extend", a, 0, io.SeekStart, 64)
}

func renameAndRefuse(made string) {
	b := filepath.Join(made, "b.txt")
	tell("rename", os.Rename(filepath.Join(made, "a.txt"), b))
	_, err := os.Stat(filepath.Join(made, "a.txt"))
	tell("the old name", err)
	tell("create anew", opened(b, os.O_WRONLY|os.O_CREATE|os.O_EXCL))
	tell("open what is not there", opened(filepath.Join(made, "none.txt"), os.O_RDONLY))
	tell("open beneath a file", opened(b+"/x", os.O_RDONLY))
	tell("write to a folder", opened(made, os.O_WRONLY))
	fmt.Printf("outside: %s\n", refusal(made+"/../../outside.txt"))
	fmt.Printf("absolute: %s\n", refusal("/outside.txt"))
}

func fillAndEmpty(made string) {
	b, sub, link := filepath.Join(made, "b.txt"), filepath.Join(made, "sub"), filepath.Join(made, "link")
	c := filepath.Join(sub, "c.txt")
	tell("make a folder in it", os.Mkdir(sub, 0o777))
	writeFile(c, os.O_CREATE, "c")
	tell("remove a full folder", syscall.Rmdir(sub))
	tell("link", os.Symlink("b.txt", link))
	list(made)
	to, err := os.Readlink(link)
	check(err)
	fmt.Printf("the link says: %s\n", to)
	fmt.Printf("through the link: %d bytes\n", sizeOf(link))
	tell("remove a file", os.Remove(c))
	tell("remove it again", os.Remove(c))
	tell("remove a folder", os.Remove(sub))
	check(os.Chtimes(b, time.Unix(1000000000, 0), time.Unix(1000000001, 0)))
	found, err := os.Stat(b)
	check(err)
	fmt.Printf("time: %d\n", found.ModTime().Unix())
}

func tourFiles() {
	if len(os.Args) < 3 {
		check(errors.New("no folder named"))
	}
	made := filepath.Join(os.Args[2], "made")
	showBytes("seed", filepath.Join(os.Args[2], "seed.txt"), 0, io.SeekStart, 64)
	writeAndRead(made)
	renameAndRefuse(made)
	fillAndEmpty(made)
}

func main() {
	programs := map[string]func(){
		"args": showArgs, "env": showEnv, "copy": copyInput, "exit": leave, "trap": trap,
		"clock": showClocks, "random": draw, "files": tourFiles,
	}
	if len(os.Args) > 1 && programs[os.Args[1]] != nil {
		programs[os.Args[1]]()
		return
	}
	fmt.Fprintln(os.Stderr, "usage: tour args|env|copy|exit N|trap|clock|random|files FOLDER")
	os.Exit(2)
}
