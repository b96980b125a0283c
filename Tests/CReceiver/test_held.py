"""What a receiver says of models that it holds, keeps of them, and switches between: Protocol.md §5.2,
§5.10, §5.12."""

import itertools
import unittest

from library import Flash, Receiver
from peer import (
    ACCEPT, ACTIVATE, BASIS, FAILED, LIST, LISTING, ROLLBACK, UNCHANGED, VERIFIED, Initiator,
    manifest, read_varint, record, terms,
)  # fmt: skip
from test_flash import BACKED, DIRECT, MODEL
from test_transfers import Transfer

HELD, KEEP, SWITCH = ("WT_HELD=1",), ("WT_KEEP=1",), ("WT_SWITCH=1",)
BEHIND_FUNCTIONS = ("WT_MEMORY=0",)
STORES = ((), BEHIND_FUNCTIONS, BACKED, DIRECT)
WAYS = (BACKED, DIRECT)
TRANSFERS = [Transfer(MODEL, seed=seed, plane_count=3) for seed in range(3)]
KEPT = (0, 2)
KEEPING = Transfer(MODEL, seed=7, plane_count=3, base=TRANSFERS[0], kept=KEPT)
# Of the tensors: 600 float32, 30 float32, an int64.
MODEL_BYTES = 4 * 630 + 8


class Device:
    """A receiver, and what a session with it brings."""

    def __init__(self, options, flash=None):
        self.options, self.flash = options, flash or Flash()
        self.nonce, self.receiver, self.model = 1, None, MODEL
        self.reset()

    def reset(self):
        self.close()
        flash = self.flash if "WT_FLASH=1" in self.options else None
        self.nonce += 2
        self.receiver = Receiver(
            self.model, self.options, outbox=300, nonce=self.nonce, flash=flash
        )  # fmt: skip

    def close(self):
        if self.receiver:
            self.receiver.close()
            self.receiver = None

    def open(self, mtu=1024):
        self.nonce += 2
        peer = Initiator(self.receiver, nonce=self.nonce, mtu=mtu)
        peer.open()
        return peer

    def ask(self, *records):
        """The answer to records, and nothing else."""
        peer = self.open()
        for each in records:
            peer.data(each)
        return peer.records()[1:]

    def send(self, transfer, tail=b"", basis=None, name=b"model"):
        """The last thing that it says of a transfer."""
        peer = self.open()
        peer.data(manifest(self.model, name, tail=tail))
        if basis is not None:
            peer.data(basis)
        for each in transfer.records[1:]:
            if peer.last()[0] != FAILED:
                peer.data(each)
        return peer.last()

    def info(self):
        """Abilities, digests, and what follows; name and planes as ever."""
        [(_, body)] = self.open().records()
        assert body[:10] == b"\1\2\0\5board\7", body
        if not body[10:]:
            return 0, [], b""
        assert body[10:12] == b"\xff\0", body
        count = body[13]
        rest = body[14:]
        digests = [rest[32 * index : 32 * index + 32] for index in range(count)]
        return body[12], digests, rest[32 * count :]

    def slots(self):
        """Room, and of each slot what LISTING says."""
        [(kind, body)] = self.ask(record(LIST))
        assert kind == LISTING
        room, place = read_varint(body, 0)
        count, place = body[place], place + 1
        found = []
        for _ in range(count):
            state, place = body[place], place + 1
            if state < 2:
                size, place = read_varint(body, place) if state else (None, place)
                found.append((state, size))
                continue
            digest, place = body[place : place + 32], place + 32
            size, place = read_varint(body, place)
            tensors, place = read_varint(body, place)
            planes, length = body[place], body[place + 1]
            place += 2 + length
            found.append((state, digest, size, tensors, planes, body[place - length : place]))
        assert place == len(body)
        return room, found


class HeldTests(unittest.TestCase):
    def device(self, options, flash=None):
        device = Device(options, flash)
        self.addCleanup(device.close)
        return device

    def verified(self, transfer):
        return VERIFIED, transfer.digest

    def image(self, transfer):
        """Image and states as a receiver has them that is sent all of it."""
        device = self.device(())
        self.assertEqual(device.send(transfer), self.verified(transfer))
        return self.memory(device)

    def memory(self, device):
        states = [device.receiver.state(index) for index in range(len(MODEL))]
        return device.receiver.image, states

    # --- INFO and UNCHANGED ---

    def test_nothing_is_said_where_it_is_off(self):
        [(_, body)] = self.device(()).open().records()
        self.assertEqual(body, b"\1\2\0\5board\7")

    def test_abilities(self):
        options = [("WT_HELD=1", 0), ("WT_KEEP=1", 2), ("WT_SWITCH=1", 16), ("WT_FETCH=1", 64)]
        for store in STORES:
            for option, bits in options:
                with self.subTest(store=store, option=option):
                    if store in WAYS and option == "WT_SWITCH=1":
                        bits = 48
                    self.assertEqual(self.device((option, *store)).info(), (bits, [], b""))

    def test_a_model_that_is_held(self):
        one, other = TRANSFERS[:2]
        for store in STORES:
            with self.subTest(store=store):
                device = self.device((*HELD, *store))
                self.assertEqual(device.send(one), self.verified(one))
                self.assertEqual(device.info()[1], [one.digest])
                before = self.memory(device)
                answer = device.ask(record(UNCHANGED, one.digest))
                self.assertEqual(answer, [self.verified(one)])
                self.assertEqual(self.memory(device), before)
                answer = device.ask(record(UNCHANGED, other.digest))
                self.assertEqual(answer, [(FAILED, b"\2")])
                if store in WAYS:
                    device.reset()
                    self.assertEqual(device.info()[1], [one.digest])
                    self.assertEqual(device.send(other), self.verified(other))
                    self.assertEqual(device.info()[1], [other.digest, one.digest])

    def test_a_transfer_that_breaks_off(self):
        """In memory the model is gone; in flash it is there, and comes back with UNCHANGED."""
        one, other = TRANSFERS[:2]
        for store in STORES:
            with self.subTest(store=store):
                device = self.device((*HELD, *store))
                device.send(one)
                before = self.memory(device)
                peer = device.open()
                peer.data(b"".join(other.records[:1]))
                peer.data(b"".join(other.records[1:-2]))
                self.assertNotEqual(self.memory(device), before)
                is_held = store in WAYS
                self.assertEqual(device.info()[1], [one.digest] * is_held)
                answer = device.ask(record(UNCHANGED, one.digest))
                self.assertEqual(answer, [self.verified(one) if is_held else (FAILED, b"\2")])
                self.assertEqual(self.memory(device) == before, is_held)

    def test_an_offer_that_is_refused_leaves_the_model(self):
        one = TRANSFERS[0]
        for store in STORES:
            device = self.device((*HELD, *store))
            device.send(one)
            answer = device.ask(manifest([*MODEL[:2], ("counters", 19, ())]))
            self.assertEqual(answer, [(FAILED, b"\2counter: another name")])
            self.assertEqual(device.info()[1], [one.digest])

    # --- Tensors that are kept ---

    def basis(self, codes):
        bits = sum(code << 2 * index for index, code in enumerate(codes))
        return record(BASIS, bytes([bits]))

    def test_tensors_that_are_kept(self):
        base, wanted = TRANSFERS[0], self.image(TRANSFERS[0])
        for store in STORES:
            with self.subTest(store=store):
                device = self.device((*KEEP, *store))
                self.assertEqual(device.send(base), self.verified(base))
                tail = terms(b"identity", base=base.digest)
                last = device.send(KEEPING, tail, self.basis([1, 0, 1]))
                self.assertEqual(last, self.verified(KEEPING))
                image, states = self.memory(device)
                places = device.receiver.places
                for index in KEPT:
                    start, size = places[index]["offset"], places[index]["size"]
                    self.assertEqual(
                        image[start : start + size], wanted[0][start : start + size], index
                    )
                    self.assertEqual(states[index], wanted[1][index])
                bias = places[1]["offset"]
                self.assertEqual(image[bias : bias + 120], KEEPING.contents[1])
                self.assertEqual(device.info()[1][0], KEEPING.digest)
                if store in WAYS:
                    device.reset()
                    self.assertEqual(self.memory(device), (image, states))
                # All is kept, and nothing comes.
                every = Transfer(MODEL, seed=9, plane_count=3, base=KEEPING, kept=(0, 1, 2))
                tail = terms(base=KEEPING.digest)
                last = device.send(every, tail, self.basis([1, 1, 1]))
                self.assertEqual(last, self.verified(KEEPING))

    def test_what_is_wrong_with_a_basis(self):
        base, other = TRANSFERS[:2]
        good = terms(base=base.digest)
        cases = [
            (terms(base=other.digest), None, b"\2"),
            (good[:-1], None, b"\5"),
            (good + b"\0", None, b"\5"),
            (bytes(8) + b"\2", None, b"\5"),
            (bytes(8) + b"\1" + base.digest, None, b"\5"),
            (terms(is_inactive=True), None, b"\5"),
            (terms(b"identity", goes_on=True), None, b"\5"),
            (bytes(8) + b"\x10", None, b"\5"),
            (bytes(5), None, b"\5"),
            (good, self.basis([1, 2]), b"\2"),
            (good, self.basis([1, 1, 1, 1]), b"\5"),
            (good, record(BASIS, b"\1\0"), b"\5"),
            (good, record(BASIS), b"\5"),
            (good, TRANSFERS[1].records[1], b"\5"),
        ]
        for store in STORES:
            for tail, basis, wanted in cases:
                with self.subTest(store=store, tail=tail, basis=basis):
                    device = self.device((*KEEP, *store))
                    device.send(base)
                    records = [manifest(MODEL, tail=tail)] + ([basis] if basis else [])
                    self.assertEqual(device.ask(*records), [(FAILED, wanted)])
                    self.assertEqual(device.info()[1], [base.digest])

    def test_nothing_comes_of_what_is_kept(self):
        base = TRANSFERS[0]
        sound = TRANSFERS[1].records
        for store, (first, last) in itertools.product(STORES, ((1, 2), (2, 3), (4, 5))):
            device = self.device((*KEEP, *store))
            device.send(base)
            peer = device.open()
            peer.data(manifest(MODEL, tail=terms(base=base.digest)))
            peer.data(self.basis([1, 1, 1]))
            self.assertEqual(peer.last(), (ACCEPT, b""))
            for each in sound[first:last]:
                peer.data(each)
            self.assertEqual(peer.last(), (FAILED, b"\5"), (store, first))

    def test_a_base_that_is_not_there(self):
        for store in STORES:
            device = self.device((*KEEP, *store))
            tail = terms(base=bytes(32))
            self.assertEqual(device.ask(manifest(MODEL, tail=tail)), [(FAILED, b"\2")])

    # --- Slots ---

    def listed(self, transfer, state, name=b"model"):
        return state, transfer.digest, MODEL_BYTES, len(MODEL), 7, name

    def test_listing_of_memory(self):
        for store in ((), BEHIND_FUNCTIONS):
            device = self.device((*SWITCH, *store))
            self.assertEqual(device.slots(), (MODEL_BYTES, [(0, None)]))
            device.send(TRANSFERS[0], name=b"")
            self.assertEqual(device.slots(), (MODEL_BYTES, [self.listed(TRANSFERS[0], 3, b"")]))

    def test_listing_of_slots(self):
        one, other = TRANSFERS[:2]
        # Cut at 32 bytes, in the middle of a character of two.
        names = b"model", "x".encode() + "ö".encode() * 20
        for way in WAYS:
            device = self.device((*SWITCH, *way))
            self.assertEqual(device.slots(), (MODEL_BYTES, [(0, None), (0, None)]))
            device.send(one)
            self.assertEqual(device.slots()[1], [self.listed(one, 3), (0, None)])
            device.send(other, name=names[1])
            wanted = [self.listed(one, 2), self.listed(other, 3, names[1][:31])]
            self.assertEqual(device.slots()[1], wanted)
            device.reset()
            answers = device.ask(record(LIST), record(LIST), record(UNCHANGED, other.digest))
            self.assertEqual([kind for kind, _ in answers], [LISTING, LISTING, VERIFIED])
            answers = device.ask(record(LIST) + record(LIST) + record(UNCHANGED, other.digest))
            self.assertEqual([kind for kind, _ in answers], [LISTING, LISTING, VERIFIED])

    def test_switching(self):
        one, other, third = TRANSFERS
        images = [self.image(transfer) for transfer in TRANSFERS]
        for way in WAYS:
            device = self.device((*SWITCH, *way))

            def check(answer, in_use, image):
                self.assertEqual(answer, [self.verified(in_use)])
                self.assertEqual(self.memory(device), image)
                self.assertEqual(device.info()[1][0], in_use.digest)
                device.reset()
                self.assertEqual(self.memory(device), image)
                self.assertEqual(device.info()[1][0], in_use.digest)

            device.send(one)
            answer = [device.send(other, terms(b"identity", is_inactive=True))]
            self.assertEqual(answer, [self.verified(other)])
            self.assertEqual(self.memory(device), images[0])
            self.assertEqual(device.info()[1], [one.digest, other.digest])
            self.assertEqual(device.ask(record(ROLLBACK)), [(FAILED, b"\2")])
            check(device.ask(record(ACTIVATE, other.digest)), other, images[1])
            check(device.ask(record(ACTIVATE, other.digest)), other, images[1])
            check(device.ask(record(ROLLBACK)), one, images[0])
            self.assertEqual(device.ask(record(ROLLBACK)), [(FAILED, b"\2")])
            check(device.ask(record(ACTIVATE, other.digest)), other, images[1])
            check(device.ask(record(ACTIVATE, one.digest)), one, images[0])
            self.assertEqual(device.ask(record(ACTIVATE, third.digest)), [(FAILED, b"\2")])
            # The one that is not in use makes room, also if it is the newer one.
            check([device.send(third)], third, images[2])
            self.assertEqual(device.info()[1], [third.digest, one.digest])
            check(device.ask(record(ROLLBACK)), one, images[0])

    def test_marks_are_used_up(self):
        """A model can be switched on eight times."""
        one, other = TRANSFERS[:2]
        for way in WAYS:
            device = self.device((*SWITCH, *way))
            device.send(one)
            device.send(other)
            for _ in range(7):
                self.assertEqual(device.ask(record(ROLLBACK)), [self.verified(one)])
                answer = device.ask(record(ACTIVATE, other.digest))
                self.assertEqual(answer, [self.verified(other)])
            device.ask(record(ROLLBACK))
            answer = device.ask(record(ACTIVATE, other.digest))
            self.assertEqual(answer, [(FAILED, b"\2")])
            self.assertEqual(device.info()[1][0], one.digest)
            self.assertEqual(device.send(other), self.verified(other))

    def test_power_cuts_while_switching(self):
        """One model or the other is in use after each of them, and it is whole."""
        one, other = TRANSFERS[:2]
        images = [self.image(one), self.image(other)]
        # Both orders of generations: the newer one comes into use by a mark, the older one by two.
        for way, is_newer in itertools.product(WAYS, (True, False)):
            device = self.device((*SWITCH, *way))
            if is_newer:
                device.send(one)
                device.send(other, terms(is_inactive=True))
                wanted = other
            else:
                device.send(one, terms(is_inactive=True))
                # It fills the slot that is not in use, and none is: so the first slot again.
                device.send(one)
                device.send(other)
                device.ask(record(ROLLBACK))
                device.ask(record(ACTIVATE, other.digest))
                wanted = one
            flash = device.flash.copy()
            for cut in range(3):
                again = flash.copy()
                again.cut, again.seed = cut, cut + 1
                switching = self.device((*SWITCH, *way), again)
                switching.ask(record(ACTIVATE, wanted.digest))
                again.cut = 0xFFFFFFFF
                switching.reset()
                self.assertIn(self.memory(switching), images)
                answer = switching.ask(record(ACTIVATE, wanted.digest))
                self.assertEqual(answer, [self.verified(wanted)], (way, is_newer, cut))

    def test_a_model_that_is_no_good(self):
        """The firmware tries it and goes back by itself."""
        one, other = TRANSFERS[:2]
        text = b"\3it was tried, and is no good"
        for way in WAYS:
            device = self.device((*SWITCH, *way))
            device.receiver.rejects()
            self.assertEqual(device.send(one), (FAILED, text))
            # It is there, and none is in use.
            self.assertEqual(device.info()[1], [bytes(32), one.digest])
            self.assertEqual(set(device.receiver.image), {0})
            device.receiver.rejects(False)
            self.assertEqual(device.send(one), self.verified(one))
            image = self.memory(device)
            device.receiver.rejects()
            self.assertEqual(device.send(other), (FAILED, text))
            self.assertEqual(self.memory(device), image)
            self.assertEqual(device.info()[1], [one.digest, other.digest])
            self.assertEqual(device.ask(record(ACTIVATE, other.digest)), [(FAILED, text)])
            self.assertEqual(self.memory(device), image)
            device.reset()
            self.assertEqual(device.info()[1], [one.digest, other.digest])
            # Or behind a reset that the model has caused: the firmware gives it up.
            device.receiver.rejects(False)
            device.ask(record(ACTIVATE, other.digest))
            device.reset()
            self.assertTrue(device.receiver.library.h_roll_back(device.receiver.handle))
            self.assertEqual(self.memory(device), image)

    def test_records_that_are_not_empty_or_too_short(self):
        for store, kind in itertools.product(WAYS, (LIST, ROLLBACK)):
            device = self.device((*SWITCH, *store))
            self.assertEqual(device.ask(record(kind, b"\0")), [(FAILED, b"\5")])
        for store, kind in itertools.product(WAYS, (UNCHANGED, ACTIVATE)):
            device = self.device((*SWITCH, *store))
            self.assertEqual(device.ask(record(kind, bytes(31))), [(FAILED, b"\5")])

    def test_what_is_off_is_no_record(self):
        for store, kind in itertools.product(STORES, (9, BASIS, LIST, ACTIVATE, ROLLBACK, 15)):
            device = self.device((*HELD, *store))
            self.assertEqual(device.ask(record(kind, bytes(33))), [(FAILED, b"\5")], kind)
