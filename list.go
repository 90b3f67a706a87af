package berth

// A list is a doubly linked list whose links are inside its elements, so that
// an element enters, moves and leaves without an allocation, from any place.
// The zero list is empty.
type list[T any] struct {
	front, back *link[T]
	n           int
}

// A link is an element's place in one list. of is the element, set once;
// in is the list that it is in, or nil.
type link[T any] struct {
	prev, next *link[T]
	in         *list[T]
	of         *T
}

func (l *list[T]) first() *T {
	if l.front == nil {
		return nil
	}
	return l.front.of
}

func (l *list[T]) last() *T {
	if l.back == nil {
		return nil
	}
	return l.back.of
}

func (l *list[T]) pushBack(e *link[T]) { l.insertAfter(e, l.back) }

func (l *list[T]) pushFront(e *link[T]) { l.insertAfter(e, nil) }

// insertAfter puts e behind at, or in front of all where at is nil.
func (l *list[T]) insertAfter(e, at *link[T]) {
	if e.in != nil {
		panic("berth: internal error: element is in a list already")
	}
	e.in = l
	e.prev = at
	if at == nil {
		e.next, l.front = l.front, e
	} else {
		e.next, at.next = at.next, e
	}
	if e.next == nil {
		l.back = e
	} else {
		e.next.prev = e
	}
	l.n++
}

// remove takes e out, and does nothing where it is in another list or none.
func (l *list[T]) remove(e *link[T]) {
	if e.in != l {
		return
	}
	if e.prev == nil {
		l.front = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.back = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.prev, e.next, e.in = nil, nil, nil
	l.n--
}

// all ranges over the elements, the first first. The element that it is at may
// be removed meanwhile, and others appended.
func (l *list[T]) all(yield func(*T) bool) {
	for e := l.front; e != nil; {
		next := e.next
		if !yield(e.of) {
			return
		}
		e = next
	}
}
