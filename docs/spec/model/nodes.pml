/* SPDX-License-Identifier: Apache-2.0
 *
 * Provisional nodes (docs/spec/07-granting.md Section 7.5.3): a reader with two parked objects, a
 * producer that grants right nodes, and a delegate that may lawfully grant and hands out whatever it
 * likes, asked or not. Two epochs, one node each; a key is 0 if it is the right one, or one of WRONG
 * wrong ones. README.md says what stands for what, and what the macros break.
 */

#ifndef CANDIDATES
#define CANDIDATES 2         /* kept for an epoch */
#endif
#ifndef WRONG
#define WRONG 2              /* different wrong keys that the delegate gives for an epoch */
#endif
#ifndef GRANTS
#define GRANTS 3             /* of the delegate's own making */
#endif
#ifndef BURST
#define BURST 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

#define KEYS (WRONG + 1)
#define bit(o) (1 << (o))
#define has(set, o) (((set) >> (o)) & 1)
#define pair(first, second) ((first) * KEYS + (second))
#define NONE 0
#define one(epoch, key) has(candidates[epoch], key)
#define count(epoch) (one(epoch, 0) + one(epoch, 1) + one(epoch, 2) + one(epoch, 3))
#define isFull(epoch) (count(epoch) >= CANDIDATES)

/* The reader: durable. */
byte parked = 3, opened, refused
byte candidates[2]           /* the provisional keys of an epoch, a mask */
byte proven[2]               /* NONE, or 1 + the key */
short grants                 /* which pairs of keys were granted by the delegate, a mask */
/* The reader: volatile. */
byte wanted = 3
bool isDrainDue

/* The broker. */
byte asked                   /* what the producer is asked */
bool answer                  /* the producer's grant, of both epochs */
bool lostAsked, lostAnswer
byte crashes, given
bool isOverwritten

/* Takes a key for an epoch. What contradicts a proven one is refused. Of one too many a delegate's
 * gives way: the newcomer, or another for the producer's. Asking ends for what is held now. */
inline take(epoch, key, isProducers) {
  if
  :: proven[epoch] != NONE ->
#ifdef OVERWRITE
       isOverwritten = isOverwritten || proven[epoch] != 1 + key;
       proven[epoch] = 1 + key;
#endif
       skip
  :: proven[epoch] == NONE && (one(epoch, key) || !isFull(epoch)) ->
       candidates[epoch] = candidates[epoch] | bit(key)
  :: else ->
       if
#ifndef FIRST_COME
       :: isProducers && one(epoch, 1) -> candidates[epoch] = (candidates[epoch] & ~bit(1)) | bit(key)
       :: isProducers && one(epoch, 2) -> candidates[epoch] = (candidates[epoch] & ~bit(2)) | bit(key)
#endif
       :: else
       fi
  fi;
#ifdef GRANT_ENDS_ASKING
  wanted = wanted & ~bit(epoch)
#else
  if
  :: proven[epoch] != NONE || one(epoch, key) -> wanted = wanted & ~bit(epoch)
  :: else
  fi
#endif
}

inline prove(epoch, key) {
  if
  :: proven[epoch] == NONE -> proven[epoch] = 1 + key; candidates[epoch] = 0
  :: else
  fi
}

/* Tries a parked object: the proven key alone where there is one, or else all candidates. */
inline try(epoch) {
  if
  :: !has(parked, epoch)
  :: has(parked, epoch) && (proven[epoch] == 1 || (proven[epoch] == NONE && one(epoch, 0))) ->
       opened = opened | bit(epoch);
       parked = parked & ~bit(epoch);
       prove(epoch, 0);
#ifdef PROVE_ALL
       /* Everything that came in the same grant. */
       if
       :: epoch == 0 && (grants & bit(pair(0, 1))) -> prove(1, 1)
       :: epoch == 1 && (grants & bit(pair(1, 0))) -> prove(0, 1)
       :: else
       fi
#endif
  :: has(parked, epoch) && proven[epoch] > 1 ->
       refused = refused | bit(epoch);
       parked = parked & ~bit(epoch)
#ifdef REFUSE_FAILED
  :: has(parked, epoch) && proven[epoch] == NONE && !one(epoch, 0) && candidates[epoch] != 0 ->
       refused = refused | bit(epoch);
       parked = parked & ~bit(epoch)
#endif
  :: else
  fi
}

proctype Drain() {
end:
  do
  :: atomic {
       isDrainDue ->
       isDrainDue = false;
       try(0);
       try(1);
#ifndef NO_ASKING_AGAIN
       wanted = wanted | parked
#endif
     }
  od
}

proctype Asker() {
end:
  do
  :: atomic { wanted != 0 && asked == 0 -> asked = wanted }
  od
}

/* The producer answers with right nodes. The broker may lose BURST messages in a row on each way. */
proctype Producer() {
end:
  do
  :: atomic { asked != 0 && !lostAsked && BURST > 0 -> asked = 0; lostAsked = true }
  :: atomic { asked != 0 && !answer -> lostAsked = false; asked = 0; answer = true }
  od
}

proctype Inbox() {
end:
  do
  :: atomic { answer && !lostAnswer && BURST > 0 -> answer = false; lostAnswer = true }
  :: atomic {
       answer ->
       answer = false;
       lostAnswer = false;
       take(0, 0, true);
       take(1, 0, true);
       isDrainDue = true
     }
  od
}

/* Grants of the delegate. One whose link is held already is a copy. */
proctype Delegate() {
  byte first, second;
  do
  :: given < GRANTS ->
     atomic {
       given++;
       select(first: 0 .. WRONG);
       select(second: 0 .. WRONG);
       take(0, first, false);
       take(1, second, false);
       grants = grants | bit(pair(first, second));
       isDrainDue = true;
       first = 0; second = 0
     }
#ifdef COPY_ENDS_ASKING
  :: grants != 0 -> atomic { wanted = 0 }  /* else only for what is proven, and wants nothing */
#endif
  :: break
  od
}

proctype ReaderCrash() {
  do
  :: crashes < CRASHES ->
     atomic {
       crashes++;
       asked = 0;
       wanted = 0;
       if
       :: has(parked, 0) && proven[0] == NONE && candidates[0] == 0 -> wanted = wanted | 1
       :: else
       fi;
       if
       :: has(parked, 1) && proven[1] == NONE && candidates[1] == 0 -> wanted = wanted | 2
       :: else
       fi;
       isDrainDue = true
     }
  :: break
  od
}

init {
  atomic {
    run Drain(); run Asker(); run Producer(); run Inbox(); run Delegate(); run ReaderCrash()
  }
}

ltl intact { [] (refused == 0 && proven[0] <= 1 && proven[1] <= 1 && !isOverwritten) }
ltl opened0 { <> has(opened, 0) }
ltl opened1 { <> has(opened, 1) }
