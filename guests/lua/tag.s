# tag.s - the exception that longjmp throws: its value is the address of what it carries.
# LLVM's setjmp refers to the tag and leaves it to the program to define it.
	.tagtype __c_longjmp i32
	.globl __c_longjmp
__c_longjmp:
