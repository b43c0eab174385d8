"""One who says everything several times, in the wire protocol: the same request, on new connections and at once."""

import time

import minicloud_wire as wire
import zmq
from client import Client, Refused
from curve_keys import Keys
from people import CHANGE_S, HUNG_S, VMS_EACH, Person

# Between two sendings of the same request.
REPEAT_S = (0.3, 3.0)
NOTHING_HAPPENED = {wire.BUSY, 60}


def hex_id(number):
    return f"{number:016x}"


class Repeater(Person):
    """A person as the others, whose every change is a request that is repeated until it is answered, and afterwards."""

    def __init__(self, *args):
        super().__init__(*args)
        self.context = zmq.Context()
        self.keys = Keys.of_context(f"{self.world.cloud.dir}/broker/admin.context")
        # Answered creates: (request id, body, VM ids), to be repeated later.
        self.answered = []
        with open(f"{self.world.cloud.dir}/home/.ssh/id_ed25519.pub") as key:
            self.key = key.read().strip()

    def do_something(self):
        choices = [self.create_repeatedly] if len(self.mine) < VMS_EACH else []
        choices += [self.delete_repeatedly] if self.mine else []
        choices += [self.ask_again, self.contradict] if self.answered else []
        if choices:
            self.draw.choice(choices)()

    def ask(self, verb, body, request_id, seconds):
        """Every answer that came, as (code, items or None); stops a while after the first."""
        end, answers, accepted = time.monotonic() + seconds, [], False
        message = wire.message(wire.REQUEST, verb, request_id, body, value=int(seconds * 1000))
        while time.monotonic() < end and not answers:
            endpoint = self.world.cloud.endpoints["clients"]
            clients = [Client(endpoint, self.context, self.keys) for _ in range(self.draw.randint(1, 2))]
            try:
                for client in clients:
                    client.send(message)
                for client in clients:
                    answers += self.answers_at(client, request_id, self.draw.uniform(*REPEAT_S))
                    accepted |= any(p.stage == "accepted" for p in client.progress)
            finally:
                for client in clients:
                    client.close()
        return answers, accepted

    @staticmethod
    def answers_at(client, request_id, seconds):
        try:
            code, body = Client.result(client.reply_to(request_id, seconds))
        except TimeoutError:
            return []
        except Refused as refused:
            return [] if refused.code in NOTHING_HAPPENED else [(refused.code, None)]
        return [(code, body.items)]

    def settled_answers(self, verb, body, request_id):
        """Answers that are final. What is not known yet is left to the calm phase, with what was promised."""
        answers, accepted = self.ask(verb, body, request_id, CHANGE_S + HUNG_S)
        final = [(code, items) for code, items in answers if items is not None]
        outcome = f"{verb} (wire): {final[0][0]}" if final else f"{verb} (wire): open"
        self.journal.count("operations", outcome)
        self.journal.note("wire", by=self.number, verb=verb, request=request_id.hex(), accepted=accepted,
                          answers=[(code, items is not None) for code, items in answers])  # fmt: skip
        if not final:
            self.ledger.left_open(request_id.hex(), verb, accepted)
        return final

    def same_vms(self, request_id, answers):
        found = {tuple(hex_id(i.vm.id) if i.vm else i.code for i in items) for _, items in answers}
        self.journal.check("a repeated request gives the same VMs", len(found) == 1, f"{request_id.hex()}: {found}")
        return found.pop()

    def create_repeatedly(self):
        request_id, count = wire.new_id(), self.draw.choice([1, 1, 2])
        self.created += 1
        name = f"r{self.number}-{self.created}" if count == 1 and self.draw.random() < 0.5 else ""
        spec = wire.new("VmSpec", name=name, memory_bytes=64 << 20, authorized_keys=[self.key])
        body = wire.pack("CreateRequest", wire.new("CreateRequest", spec=spec, count=count))
        answers = self.settled_answers("create", body, request_id)
        if not answers:
            return
        self.same_vms(request_id, answers)
        items = answers[0][1]
        for item in items:
            if item.code == wire.OK:
                self.ledger.created({"id": hex_id(item.vm.id), "name": item.vm.name, "node": item.vm.node})
                self.mine[hex_id(item.vm.id)] = item.vm.name
        if all(item.code == wire.OK for item in items):
            self.answered.append((request_id, body, [item.target for item in items]))

    def ask_again(self):
        """Long after the answer; the VMs may have been deleted meanwhile, and must not be made again."""
        request_id, body, targets = self.draw.choice(self.answered)
        answers, _ = self.ask("create", body, request_id, CHANGE_S)
        for code, items in answers:
            again = [item.target for item in items] if items is not None else code
            self.journal.check("a repeated request gives the same VMs", again == targets,
                               f"{request_id.hex()}: {again}, first {targets}")  # fmt: skip

    def contradict(self):
        request_id, _, _ = self.draw.choice(self.answered)
        body = wire.pack("CreateRequest", wire.new("CreateRequest", spec=wire.new("VmSpec", name="other"), count=1))
        answers, _ = self.ask("create", body, request_id, CHANGE_S)
        for code, _ in answers:
            self.journal.check("the same id with other contents is refused", code == wire.REQUEST_CONFLICT,
                               f"{request_id.hex()}: code {code}")  # fmt: skip

    def delete_repeatedly(self):
        vm_id, _ = self.one_of_mine()
        del self.mine[vm_id]
        self.ledger.asked(vm_id, "delete")
        body = wire.pack("ActionRequest", wire.new("ActionRequest", targets=[vm_id]))
        answers = self.settled_answers("delete", body, wire.new_id())
        if answers and answers[0][0] == wire.OK:
            self.ledger.told(vm_id, "delete")
