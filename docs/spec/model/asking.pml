/* SPDX-License-Identifier: Apache-2.0
 *
 * Parking, asking, deciding (docs/spec/07-granting.md Sections 7.3 to 7.6, docs/spec/08-receiving.md
 * Section 8.5): one reader, the producer and a delegate of one generation, a broker that loses,
 * repeats and reorders what is asked and answered, a person who decides late, and crashes.
 *
 * Two objects, one in each of the epochs 0 and 1; sets of epochs are masks of two bits. The delegate
 * may grant epoch 1 only. README.md says what stands for what, and what the macros break.
 */

#ifndef BURST
#define BURST 1              /* so many messages in a row may be lost on one way */
#endif
#ifndef CRASHES
#define CRASHES 1            /* of the reader; those of who grants are losses, see README.md */
#endif
#ifndef OBJECTS
#define OBJECTS 3            /* which objects there are, a mask */
#endif
#ifndef AUTHORITIES
#define AUTHORITIES 3        /* who is up, a mask */
#endif

#define PRODUCER 0
#define DELEGATE 1
#define NOTHING 0            /* an answer: this, or the mask of what is granted, or one of two denials */
#define PENDING 4
#define FINAL 5
#define SEALED_TRIES 1

#define bit(o) (1 << (o))
#define has(set, o) (((set) >> (o)) & 1)
#define over(g) ((g) == PRODUCER -> 3 : 2)
#define isGrant(answer) ((answer) != NOTHING && (answer) < PENDING)

#ifdef NO_RETRY
#define mayResend !isSent
#else
#define mayResend true
#endif
#ifdef DRAIN_EARLY
#define mayDrain true
#else
#define mayDrain (parking == 0)
#endif

/* The broker: one place for what each authority is asked, and one for its latest answer; a copy of
 * a grant that was delivered may come at any time, and again. */
byte atBroker                /* objects that the reader has not acknowledged */
byte asked[2]                /* a request: the epochs wanted */
byte answer[2]
bool isCopied[2]
byte lostAsked[2], lostAnswers[2]

/* The reader: durable. */
byte keys, parked, opened
bool isDenied
/* The reader: volatile. */
byte parking, unacknowledged, wanted
bool isDrainDue
#ifdef NO_RETRY
bool isSent
#endif
#ifdef ONLY_DELEGATE_KNOWN
byte tries
#endif

/* The authorities: durable. */
byte terms                   /* what the reader may have: chosen once */
bool needsPerson
bool standing[2], pending[2]

byte crashes
byte acknowledged            /* what the broker was told that it need not keep */

inline want(set) {
  if
  :: ((set) & ~wanted) != 0 ->
       wanted = wanted | (set);
#ifdef NO_RETRY
       isSent = false
#endif
  :: else
  fi
}

/* Somebody who has a say is there: asking begins anew, sealed to whom is known. */
inline answered() {
#ifdef ONLY_DELEGATE_KNOWN
#ifndef TRIES_GO_ON
  tries = 0
#endif
#endif
  skip
}

/* An object comes: handed over if there is a key, else on its way into the store. */
proctype Receiver(byte o) {
end:
  do
  :: atomic {
       has(atBroker, o) && !has(parking, o) && !has(unacknowledged, o) ->
       if
       :: has(opened, o) || has(parked, o) -> unacknowledged = unacknowledged | bit(o)
       :: !has(opened, o) && !has(parked, o) && has(keys, o) ->
            opened = opened | bit(o);
            unacknowledged = unacknowledged | bit(o)
       :: else ->
            parking = parking | bit(o);
#ifdef ACKNOWLEDGED_FIRST
            unacknowledged = unacknowledged | bit(o)
#endif
       fi
     }
  :: atomic {
       has(parking, o) ->
       parking = parking & ~bit(o);
       parked = parked | bit(o);
       unacknowledged = unacknowledged | bit(o);
       want(bit(o))
     }
  :: atomic {
       has(unacknowledged, o) ->
       unacknowledged = unacknowledged & ~bit(o);
       atBroker = atBroker & ~bit(o);
       acknowledged = acknowledged | bit(o)
     }
  od
}

/* What is wanted is asked for again and again: sealed to whom is known, later so that all hear it. */
proctype Asker() {
end:
  do
  :: atomic {
       wanted != 0 && mayResend && asked[DELEGATE] == 0 && asked[PRODUCER] == 0 ->
       if
       :: has(AUTHORITIES, DELEGATE) -> asked[DELEGATE] = wanted
       :: else
       fi;
#ifdef ONLY_DELEGATE_KNOWN
       if
       :: tries >= SEALED_TRIES -> asked[PRODUCER] = wanted
       :: else -> tries++
       fi
#else
       asked[PRODUCER] = wanted
#endif
#ifdef NO_RETRY
       ; isSent = true
#endif
     }
  od
}

/* Grants and denials of one authority. A grant is recorded before anything follows from it. */
proctype Inbox(byte g) {
end:
  do
  :: atomic { answer[g] == PENDING -> answer[g] = NOTHING }
  :: atomic {
       answer[g] != NOTHING && answer[g] != PENDING && lostAnswers[g] < BURST ->
       answer[g] = NOTHING;
       lostAnswers[g]++
     }
  :: atomic {
       isGrant(answer[g]) ->
       lostAnswers[g] = 0;
       keys = keys | answer[g];
       isDenied = false;
       wanted = wanted & ~answer[g];
       answered();
       isDrainDue = true;
       if
       :: isCopied[g] = true
       :: skip
       fi;
       answer[g] = NOTHING
     }
  :: atomic {
       answer[g] >= PENDING ->
       if
       :: answer[g] == FINAL -> lostAnswers[g] = 0
       :: else
       fi;
       if
       :: wanted != 0 ->
            answered();
            if
            :: answer[g] == FINAL -> isDenied = true
            :: else
            fi;
#ifdef DENIAL_ENDS_ASKING
            wanted = 0
#endif
       :: else
       fi;
       answer[g] = NOTHING
     }
  od
}

/* Copies of a grant that is recorded: they end the asking for it, and nothing else. */
proctype Copies(byte g) {
end:
  do
  :: atomic { isCopied[g] -> wanted = wanted & ~(terms & over(g)); answered() }
  :: atomic { isCopied[g] -> isCopied[g] = false }
  od
}

/* Hands over what was parked, when keys came; what is on its way into the store is waited for. */
proctype Drain() {
end:
  do
  :: atomic {
       isDrainDue && mayDrain ->
       isDrainDue = false;
       opened = opened | (parked & keys);
       parked = parked & ~keys;
       want(parked)
     }
  od
}

/* Answers to what was asked before a crash are not recognised after it. */
proctype ReaderCrash() {
  do
  :: crashes < CRASHES ->
     atomic {
       crashes++;
       parking = 0; unacknowledged = 0; wanted = 0;
#ifdef NO_RETRY
       isSent = false;
#endif
#ifdef ONLY_DELEGATE_KNOWN
       tries = 0;
#endif
       asked[PRODUCER] = 0; asked[DELEGATE] = 0;
       if
       :: answer[PRODUCER] >= PENDING -> answer[PRODUCER] = NOTHING
       :: else
       fi;
       if
       :: answer[DELEGATE] >= PENDING -> answer[DELEGATE] = NOTHING
       :: else
       fi;
#ifdef PARKED_IN_MEMORY
       parked = 0;
#endif
#ifdef NO_ASKING_AFTER_RESTART
       isDrainDue = ((parked & keys) != 0)
#else
       wanted = parked & ~keys;
       isDrainDue = (parked != 0)
#endif
     }
  :: break
  od
}

/* One who may grant: takes a request, notes what it decided, answers. */
proctype Granter(byte g) {
end:
  do
  :: atomic { asked[g] != 0 && lostAsked[g] < BURST -> asked[g] = 0; lostAsked[g]++ }
  :: atomic {
       asked[g] != 0 && answer[g] == NOTHING ->
       lostAsked[g] = 0;
       if
       :: needsPerson && !standing[g] -> pending[g] = true; answer[g] = PENDING
       :: !(needsPerson && !standing[g]) && (terms & over(g) & asked[g]) != 0 ->
            standing[g] = true;
            answer[g] = terms & over(g)
       :: else -> answer[g] = FINAL
       fi;
       asked[g] = 0
     }
  od
}

/* Decides what waits. A refusal is not noted: whoever asks again waits again. */
proctype Person(byte g) {
end:
  do
  :: atomic {
       pending[g] && (answer[g] == NOTHING || answer[g] == PENDING) ->
       pending[g] = false;
       if
       :: (terms & over(g)) != 0 -> standing[g] = true; answer[g] = terms & over(g)
       :: else -> answer[g] = FINAL
       fi
     }
  od
}

init {
  atomic {
#ifdef TERMS
    terms = TERMS;
#else
    if
    :: terms = 0
    :: terms = 1
    :: terms = 2
    :: terms = 3
    fi;
#endif
#ifndef NO_PERSON
    if
    :: needsPerson = true
    :: skip
    fi;
#endif
    atBroker = OBJECTS;
    if
    :: has(OBJECTS, 0) -> run Receiver(0)
    :: else
    fi;
    if
    :: has(OBJECTS, 1) -> run Receiver(1)
    :: else
    fi;
    run Asker(); run Drain(); run ReaderCrash();
    run Inbox(PRODUCER); run Copies(PRODUCER); run Granter(PRODUCER); run Person(PRODUCER);
    if
    :: has(AUTHORITIES, DELEGATE) ->
         run Inbox(DELEGATE); run Copies(DELEGATE); run Granter(DELEGATE); run Person(DELEGATE)
    :: else
    fi
  }
}

#define isSettled(o) (has(opened, o) || (isDenied && !has(terms, o)))

ltl kept { [] ((acknowledged & ~(opened | parked)) == 0) }
ltl settled0 { [] (has(acknowledged, 0) -> <> isSettled(0)) }
ltl settled1 { [] (has(acknowledged, 1) -> <> isSettled(1)) }
