# SPDX-License-Identifier: Apache-2.0
"""A small broker of queues in memory, over the AMQP 1.0 of Qpid Proton: a peer that shares no code
with the library under test.

A queue is there once somebody names it. Consumers of a queue take turns, as far as they give credit.
What was not settled when its link went away comes again, first, with a higher delivery count; so does
what is released (with the same count) or modified as failed. What is rejected goes to the queue
`rejected`, with the reason as its subject. Who asks for a dynamic node gets a queue that goes with the link.

    /usr/bin/python3 proton-broker.py 127.0.0.1:PORT
"""

import sys
import uuid
from collections import deque

from proton import Condition, Delivery
from proton.handlers import MessagingHandler
from proton.reactor import Container


class Queue:
    def __init__(self):
        self.waiting = deque()
        self.consumers = deque()

    def put(self, message):
        self.waiting.append(message)
        self.dispatch()

    def put_back(self, messages):
        """In the order in which they were sent."""
        self.waiting.extendleft(reversed(messages))
        self.dispatch()

    def dispatch(self):
        idle = 0
        while self.waiting and idle < len(self.consumers):
            consumer = self.consumers[0]
            self.consumers.rotate(-1)
            if consumer.link.credit > 0:
                consumer.send(self.waiting.popleft())
                idle = 0
            else:
                idle += 1


class Consumer:
    def __init__(self, link, queue, rejected):
        self.link = link
        self.queue = queue
        self.rejected = rejected
        self.unsettled = {}

    def send(self, message):
        delivery = self.link.send(message)
        self.unsettled[delivery.tag] = message

    def settle(self, delivery):
        message = self.unsettled.pop(delivery.tag, None)
        if message is None:
            return
        state, outcome = delivery.remote_state, delivery.remote
        if state == Delivery.ACCEPTED:
            return
        if state == Delivery.REJECTED:
            condition = delivery.remote.condition
            message.subject = condition.description if condition else None
            self.rejected.put(message)
            return
        if state == Delivery.MODIFIED and outcome.undeliverable:
            return
        if state == Delivery.MODIFIED and outcome.failed:
            message.delivery_count += 1
        self.queue.put_back([message])

    def leave(self):
        if self in self.queue.consumers:
            self.queue.consumers.remove(self)
        left = list(self.unsettled.values())
        self.unsettled.clear()
        for message in left:
            message.delivery_count += 1
        self.queue.put_back(left)


class Broker(MessagingHandler):
    def __init__(self, address):
        super().__init__(auto_accept=False, prefetch=100)
        self.address = address
        self.queues = {}
        self.gone = set()
        self.consumers = {}

    def queue(self, name):
        return self.queues.setdefault(name, Queue())

    def on_start(self, event):
        event.container.listen(self.address)
        print("listening on", self.address, flush=True)

    def on_link_opening(self, event):
        link = event.link
        if link.is_sender:
            dynamic = link.remote_source.dynamic
            link.source.address = str(uuid.uuid4()) if dynamic else link.remote_source.address
            queue = self.queue(link.source.address)
            consumer = Consumer(link, queue, self.queue("rejected"))
            consumer.dynamic = dynamic
            self.consumers[link.connection, link.name] = consumer
            consumer.queue.consumers.append(consumer)
        else:
            link.target.address = link.remote_target.address
            name = link.target.address
            if name in self.gone:
                link.target.address = None
                link.condition = Condition("amqp:not-found", "no node " + name)
                link.close()

    def on_sendable(self, event):
        self.queue(event.link.source.address).dispatch()

    def on_message(self, event):
        name = event.link.target.address or event.message.address
        if name is None or name in self.gone:
            event.delivery.update(Delivery.REJECTED)
        else:
            self.queue(name).put(event.message)
            event.delivery.update(Delivery.ACCEPTED)
        event.delivery.settle()

    def on_settled(self, event):
        consumer = self.consumers.get((event.link.connection, event.link.name))
        if consumer is not None:
            consumer.settle(event.delivery)

    on_accepted = on_rejected = on_released = on_settled

    def on_link_closing(self, event):
        self.forget(event.link)

    def on_disconnected(self, event):
        self.forget_all(event.connection)

    def on_connection_closing(self, event):
        self.forget_all(event.connection)

    def forget(self, link):
        consumer = self.consumers.pop((link.connection, link.name), None)
        if consumer is not None:
            consumer.leave()
            if consumer.dynamic:
                self.gone.add(link.source.address)

    def forget_all(self, connection):
        for key in [key for key in self.consumers if key[0] == connection]:
            consumer = self.consumers.pop(key)
            consumer.leave()
            if consumer.dynamic:
                self.gone.add(consumer.link.source.address)


if __name__ == "__main__":
    Container(Broker(sys.argv[1])).run()
